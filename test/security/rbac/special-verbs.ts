import type { Grant } from './expand-grants.ts';

/**
 * A permission that no request shows: the API server itself asks RBAC for it, in admission policies and in its own checks of
 * what somebody writes. In the place of its use stands the test that fails without it.
 */
export interface SpecialVerb extends Pick<Grant, 'account' | 'group' | 'resource' | 'verb'> {
  readonly names: readonly string[];
  readonly proof: {
    /** From the root of the repository. */
    readonly file: string;
    readonly title: string;
  };
}

const controller = 'certmount/certmount-controller';
const ofIssuers = ['issuers.cert-manager.io/*', 'clusterissuers.cert-manager.io/*'];

export const specialVerbs: readonly SpecialVerb[] = [
  {
    account: controller,
    group: 'cert-manager.io',
    resource: 'signers',
    verb: 'approve',
    names: ofIssuers,
    proof: {
      file: 'test/integration/admission/approval.test.ts',
      title: 'is what the controller may make of all requests, and the driver of none',
    },
  },
  {
    account: controller,
    group: 'certificates.k8s.io',
    resource: 'signers',
    verb: 'sign',
    names: ofIssuers,
    proof: {
      file: 'test/integration/admission/status.test.ts',
      title:
        "is said by certmount's and by cert-manager's controller with the roles that they are installed with",
    },
  },
  ...(['sign', 'attest'] as const).map((verb) => ({
    account: controller,
    group: 'certificates.k8s.io',
    resource: 'signers',
    verb,
    names: ['certmount.io/*'],
    proof: {
      file: 'test/integration/admission/signers.test.ts',
      title:
        verb === 'sign'
          ? 'are signed for by the controller alone'
          : 'are published the anchors of by the controller alone',
    },
  })),
];

/** Whether a grant is of this kind, all the names of it. */
export function isSpecial(grant: Grant, known: readonly SpecialVerb[] = specialVerbs): boolean {
  return (
    grant.names.length > 0 &&
    grant.names.every((name) =>
      known.some(
        (special) =>
          special.account === grant.account &&
          special.group === grant.group &&
          special.resource === grant.resource &&
          special.verb === grant.verb &&
          special.names.includes(name),
      ),
    )
  );
}
