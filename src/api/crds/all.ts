import { anchorSetCrd } from './anchor-set.ts';
import { bundleCrd } from './bundle.ts';
import { certificateRequestPolicyCrd } from './certificate-request-policy.ts';
import { certificateRequestCrd } from './certificate-request.ts';
import type { CrdDefinition } from './definition.ts';
import { clusterIssuerCrd, issuerCrd } from './issuer.ts';
import { nodeTrustCrd } from './node-trust.ts';

/** Every kind of this product, in the order in which a cluster should get them. */
export const crdDefinitions: readonly CrdDefinition[] = [
  issuerCrd,
  clusterIssuerCrd,
  certificateRequestCrd,
  certificateRequestPolicyCrd,
  anchorSetCrd,
  nodeTrustCrd,
  bundleCrd,
];
