import { formatDuration, parseDuration } from '../api/duration.ts';
import { checkTrustDomain } from '../pki/index.ts';
import { checkClusterDomain } from '../policy/index.ts';
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
  clusterDomain: valueFlag({
    placeholder: 'NAME',
    help: "Domain of the cluster's DNS, for the names that pods may have.",
    default: 'cluster.local',
    parse: checkClusterDomain,
    format: String,
  }),
  defaultPolicy: toggleFlag({
    help: 'Make the CertificateRequestPolicy certmount-default, which serves pods that no other policy applies to, where it is missing.',
    default: true,
  }),
  approveAll: toggleFlag({
    help: "Approve requests that no policy applies to, as cert-manager does: everybody's but those for pods.",
    default: false,
  }),
  approvePods: toggleFlag({
    help:
      'Approve requests that the drivers make with the tokens of pods (--use-token-request there), by the same policies ' +
      'as those that the drivers make with their own.',
    default: false,
  }),
  bundles: toggleFlag({
    help: 'Serve the Bundles of trust.cert-manager.io; off where trust-manager does.',
    default: true,
  }),
  trustNamespace: textFlag({
    placeholder: 'NAMESPACE',
    help: 'Namespace of the ConfigMaps and Secrets that Bundles have as sources; the cluster resource namespace when not set.',
  }),
  secretTargets: toggleFlag({
    help: 'Write Secrets for Bundles that want them, for which the controller needs further permissions.',
    default: false,
  }),
  caRotationSettle: valueFlag({
    placeholder: 'DURATION',
    help:
      'How long new anchors of an issuer are published before its new CA signs, when a Bundle or a ClusterTrustBundle ' +
      'has them too: their readers report nothing. At most 24h.',
    default: 120_000,
    parse: parseSettleTime,
    format: formatDuration,
  }),
  certificateSigningRequests: toggleFlag({
    help: 'Sign CertificateSigningRequests of certificates.k8s.io to issuers; off where another controller of cert-manager.io does.',
    default: true,
  }),
  driverServiceAccount: listFlag({
    placeholder: 'USER,…',
    help: 'User names of the node drivers, who may ask for certificates of the pods on their nodes.',
    default: ['system:serviceaccount:certmount:certmount-driver'],
  }),
  workers: integerFlag({
    help: 'Certificate requests in hand at once, from 1 to 256.',
    default: 24,
    min: 1,
    max: 256,
  }),
} as const;

function parseSettleTime(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds < 0 || milliseconds > 24 * 3_600_000) throw new Error('must be from 0 to 24h');
  return milliseconds;
}

export type ControllerValues = FlagValues<typeof controllerFlags>;
