import { certificateRequestCrd } from './certificate-request.ts';
import type { CrdDefinition } from './definition.ts';
import { clusterIssuerCrd, issuerCrd } from './issuer.ts';

/** Every kind of this product, in the order in which a cluster should get them. */
export const crdDefinitions: readonly CrdDefinition[] = [issuerCrd, clusterIssuerCrd, certificateRequestCrd];
