import { podCertificatesPart } from './pod-certificates/pod-certificates-part.ts';
import { signingRequestsPart } from './signing-requests/signing-requests-part.ts';
import type { TermContext, TermPart } from './term-part.ts';
import { bundlesPart } from './trust/bundles/bundles-part.ts';
import { issuerBundlesPart } from './trust/cluster-trust-bundles/issuer-bundles.ts';

/** Everything that a leader does beside requests and issuers. */
export function termParts(context: TermContext): readonly TermPart[] {
  return [
    issuerBundlesPart(context),
    ...(context.values.bundles ? [bundlesPart(context)] : []),
    podCertificatesPart(context),
    ...(context.values.certificateSigningRequests ? [signingRequestsPart(context)] : []),
  ];
}
