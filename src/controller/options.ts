import { checkTrustDomain } from '../pki/index.ts';
import { commonFlags } from '../runtime/common-flags.ts';
import { integerFlag, listFlag, textFlag, toggleFlag, valueFlag } from '../runtime/flags.ts';
import type { FlagValues } from '../runtime/flags.ts';

export const controllerFlags = {
  ...commonFlags,
  clusterResourceNamespace: textFlag({
    placeholder: 'NAMESPACE',
    help: 'Namespace of the Secrets that ClusterIssuers name.',
    default: 'certmount',
  }),
  leaderElect: toggleFlag({
    help: 'Work only while holding a Lease, so that several replicas can stand by.',
    default: true,
  }),
  leaderElectionNamespace: textFlag({
    placeholder: 'NAMESPACE',
    help: 'Namespace of the Lease; the cluster resource namespace when not set.',
  }),
  trustDomain: valueFlag({
    placeholder: 'NAME',
    help: "SPIFFE trust domain of the cluster's pods.",
    default: 'cluster.local',
    parse: checkTrustDomain,
    format: String,
  }),
  approveAll: toggleFlag({
    help: "Approve everybody's requests, as cert-manager does, and not only those of the drivers.",
    default: false,
  }),
  approvePods: toggleFlag({
    help:
      'Approve requests that the drivers make with the tokens of pods (--use-token-request there): no identity but that ' +
      "of the pod's service account, no CA, any other name.",
    default: false,
  }),
  driverServiceAccount: listFlag({
    placeholder: 'USER,…',
    help: 'User names of the node drivers, whose requests are approved.',
    default: ['system:serviceaccount:certmount:certmount-driver'],
  }),
  workers: integerFlag({
    help: 'Certificate requests in hand at once, from 1 to 256.',
    default: 24,
    min: 1,
    max: 256,
  }),
} as const;

export type ControllerValues = FlagValues<typeof controllerFlags>;
