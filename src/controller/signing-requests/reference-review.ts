import type { CertificateSigningRequestSpec } from '../../api/certificate-signing-request.ts';
import { certManagerGroup } from '../../api/issuer-reference.ts';
import type { KubeClient } from '../../kube/index.ts';
import { reviewAccess } from '../access-review.ts';

/**
 * Whether who made a request may use an Issuer, which need not be in a namespace of theirs: the verb `reference` on
 * `signers.cert-manager.io`, in the Issuer's namespace, of its name or of "*". One API call for each that is asked.
 */
export async function mayReference(
  client: Pick<KubeClient, 'request'>,
  { username, uid, groups, extra }: CertificateSigningRequestSpec,
  issuer: { readonly namespace: string; readonly name: string },
): Promise<boolean> {
  for (const name of [issuer.name, '*']) {
    const { namespace } = issuer;
    const of = {
      group: certManagerGroup,
      version: '*',
      resource: 'signers',
      verb: 'reference',
      namespace,
      name,
    };
    if (await reviewAccess(client, { user: username, uid, groups, extra, resourceAttributes: of }))
      return true;
  }
  return false;
}
