import { apiVersionOf } from '../kube/object.ts';
import {
  certificateRequestPolicies,
  type CertificateRequestPolicy,
} from '../api/certificate-request-policy.ts';

export const defaultPolicyName = 'certmount-default';

const hostName = "self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$')";
const ofNamespace = "self.endsWith('.%s.svc.%s'.format([pod.namespace, clusterDomain]))";
// Before the regular expression, which takes longer than all else.
const ofPod = 'self in pod.dnsNames';

/** What every pod may have for which no other policy applies. deploy/policies/default-policy.yaml is made from it. */
export const defaultPolicy: CertificateRequestPolicy = {
  apiVersion: apiVersionOf(certificateRequestPolicies),
  kind: certificateRequestPolicies.kind,
  metadata: { name: defaultPolicyName },
  spec: {
    selector: { issuerRef: {}, namespace: {} },
    allowed: {
      commonName: {
        validations: [
          {
            rule: `self == pod.spiffeId || ${ofPod} || (${ofNamespace} && ${hostName})`,
            message: "must be one of the names that dnsNames may have, or the pod's SPIFFE ID",
          },
        ],
      },
      dnsNames: {
        validations: [
          {
            rule: `${ofPod} || ${hostName}`,
            message: 'must be a host name in lower case, without a wildcard and without a dot at its end',
          },
          {
            rule: `${ofPod} || ${ofNamespace}`,
            message:
              'must be a name of the pod or of a service that selects it, or end in .NAMESPACE.svc.CLUSTER_DOMAIN',
          },
        ],
      },
      ipAddresses: {
        validations: [{ rule: 'self in pod.ips', message: "must be one of the pod's own addresses" }],
      },
      uris: {
        validations: [{ rule: 'self == pod.spiffeId', message: "must be the pod's SPIFFE ID" }],
      },
      isCA: false,
      usages: ['digital signature', 'key encipherment', 'key agreement', 'client auth', 'server auth'],
    },
    constraints: { maxDuration: '2184h' },
    validations: [
      {
        rule: "self.key.algorithm in ['ECDSA', 'Ed25519'] || (self.key.algorithm == 'RSA' && self.key.size >= 2048)",
        message: 'the key must be ECDSA (P-256, P-384 or P-521), Ed25519, or RSA of 2048 bits or more',
      },
      {
        rule: 'self.uris.size() <= 1 && self.commonNames.size() <= 1',
        message: 'there must be at most one URI and one common name',
      },
    ],
  },
};
