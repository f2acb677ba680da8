import assert from 'node:assert/strict';
import type {
  CertificateRequestPolicy,
  CertificateRequestPolicySpec,
} from '../../../../src/api/certificate-request-policy.ts';
import {
  compile,
  type CompiledPolicy,
  evaluate,
  type KnownPolicy,
  type PolicyPod,
  type PolicyRequest,
  type RequestedCertificate,
  violationText,
} from '../../../../src/policy/index.ts';
import { noAltNames, type AltNames } from '../../../../src/pki/index.ts';

export const surroundings = { trustDomain: 'example.org', clusterDomain: 'cluster.local' };

export function aPod(change: Partial<PolicyPod> = {}): PolicyPod {
  return {
    namespace: 'web',
    name: 'api-0',
    uid: '6f1c',
    serviceAccount: 'api',
    nodeName: 'node-1',
    spiffeId: 'spiffe://example.org/ns/web/sa/api',
    ips: ['10.0.0.7', 'fd00::7'],
    dnsNames: ['api-0.web', 'api.web', 'api.web.svc'],
    labels: { app: 'api' },
    ...change,
  };
}

function aCertificate(
  change: Partial<Omit<RequestedCertificate, 'altNames'>> & { altNames?: Partial<AltNames> } = {},
): RequestedCertificate {
  return {
    subject: {},
    usages: [],
    isCA: false,
    duration: 24 * 3_600_000,
    key: { algorithm: 'ECDSA', size: 256 },
    ...change,
    altNames: { ...noAltNames, ...change.altNames },
  };
}

type RequestChange = Omit<Partial<PolicyRequest>, 'certificate'> & {
  certificate?: Parameters<typeof aCertificate>[0];
};

/** Of nobody's pod. */
export function aRequest({ certificate, ...change }: RequestChange = {}): PolicyRequest {
  return {
    namespace: 'web',
    name: 'api-0-1a2b',
    issuer: { name: 'ca', kind: 'ClusterIssuer', group: 'cert-manager.io' },
    subject: {
      username: 'system:serviceaccount:web:api',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:web', 'system:authenticated'],
    },
    pod: undefined,
    ...change,
    certificate: aCertificate(certificate),
  };
}

export function aPolicy(
  spec: Partial<CertificateRequestPolicySpec> = {},
  name = 'test',
): CertificateRequestPolicy {
  return { metadata: { name }, spec: { selector: { issuerRef: {} }, ...spec } };
}

export function compiled(policy: CertificateRequestPolicy): CompiledPolicy {
  const compilation = compile(policy);
  assert.equal(compilation.outcome, 'compiled', JSON.stringify(compilation));
  return compilation.outcome === 'compiled' ? compilation.policy : assert.fail();
}

/** `FIELD: MESSAGE` of all that is wrong with the policy. */
export function faultsOf(spec: Partial<CertificateRequestPolicySpec>): string[] {
  const compilation = compile(aPolicy(spec));
  return compilation.outcome === 'compiled'
    ? []
    : compilation.faults.map(({ field, message }) => `${field}: ${message}`);
}

/** What of the request the policy does not allow, as texts. */
export function violationsOf(spec: Partial<CertificateRequestPolicySpec>, request: PolicyRequest): string[] {
  return evaluate(compiled(aPolicy(spec)), request, surroundings).map(violationText);
}

export function known(
  policy: CertificateRequestPolicy,
  readiness: KnownPolicy['readiness'] = 'ready',
): KnownPolicy {
  return {
    name: policy.metadata.name ?? '',
    spec: policy.spec,
    compilation: compile(policy),
    readiness,
  };
}
