import type { RuleScope } from './cel/rule-compiler.ts';
import { type Facts, factsOf, requestBinding } from './facts.ts';
import type { PolicyPod } from './policy-request.ts';

/** Of no cluster: only the types of its values count. */
const trialPod: PolicyPod = {
  namespace: 'trial',
  name: 'trial',
  uid: 'trial',
  serviceAccount: 'trial',
  nodeName: 'trial',
  spiffeId: 'spiffe://trial/ns/trial/sa/trial',
  ips: ['192.0.2.1'],
  dnsNames: ['trial.trial.svc'],
  labels: {},
};
const [withoutPod, withPod] = [undefined, trialPod].map(trial) as [Facts, Facts];

const variables = {
  cr: ['name', 'namespace', 'username', 'groups'],
  pod: Object.keys(trialPod),
  trustDomain: undefined,
  clusterDomain: undefined,
} as const;

/** Rules about one name or attribute of a request, which is their `self`. */
export const valueScope: RuleScope = {
  variables: { ...variables, self: undefined },
  trials: [withoutPod, withPod].map(({ bindings }) => ({ ...bindings, self: 'trial' })),
};

/** Rules about the request as a whole, which is their `self`. */
export const requestScope: RuleScope = {
  variables: { ...variables, self: Object.keys(requestBinding(withPod)) },
  trials: [withoutPod, withPod].map((facts) => ({ ...facts.bindings, self: requestBinding(facts) })),
};

function trial(pod: PolicyPod | undefined): Facts {
  return factsOf(
    {
      namespace: 'trial',
      name: 'trial',
      issuer: { name: 'trial' },
      subject: { username: 'system:serviceaccount:trial:trial', groups: ['trial'] },
      certificate: {
        subject: { commonName: 'trial' },
        altNames: { dnsNames: ['trial'], ipAddresses: [], uris: [], emailAddresses: [] },
        usages: ['server auth'],
        isCA: false,
        duration: 3_600_000,
        key: { algorithm: 'ECDSA', size: 256 },
      },
      pod,
    },
    { trustDomain: 'trial', clusterDomain: 'trial' },
  );
}
