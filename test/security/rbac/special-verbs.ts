import type { Grant } from './expand-grants.ts';

/**
 * A permission that no request shows: the API server itself asks RBAC for it, in admission policies and in its own checks of
 * what somebody writes. In the place of its use stands the test that fails without it.
 */
export interface SpecialVerb extends Pick<Grant, 'account' | 'group' | 'resource' | 'subresource' | 'verb'> {
  /** Empty for all. */
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
    subresource: '',
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
    subresource: '',
    verb: 'sign',
    names: ofIssuers,
    proof: {
      file: 'test/integration/admission/status.test.ts',
      title:
        "is said by certmount's and by cert-manager's controller with the roles that they are installed with",
    },
  },
  {
    account: controller,
    group: 'trust.cert-manager.io',
    resource: 'bundles',
    subresource: 'finalizers',
    verb: 'update',
    names: [],
    proof: {
      file: 'test/integration/trust/bundles.test.ts',
      title: 'may hold up the end of its Bundle, where the API server asks for that',
    },
  },
  ...(['sign', 'attest'] as const).map((verb) => ({
    account: controller,
    group: 'certificates.k8s.io',
    resource: 'signers',
    subresource: '',
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
  const alike = known.filter((special) =>
    (['account', 'group', 'resource', 'subresource', 'verb'] as const).every(
      (field) => special[field] === grant[field],
    ),
  );
  if (grant.names.length === 0) return alike.some(({ names }) => names.length === 0);
  return grant.names.every((name) => alike.some(({ names }) => names.includes(name)));
}
