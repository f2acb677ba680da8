import type { CertificateSigningRequestSpec } from '../../api/certificate-signing-request.ts';
import { certManagerGroup } from '../../api/issuer-reference.ts';
import type { KubeClient } from '../../kube/index.ts';

interface SubjectAccessReview {
  readonly status?: { readonly allowed?: boolean };
}

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
    const spec = {
      user: username,
      uid,
      groups,
      extra,
      resourceAttributes: {
        group: certManagerGroup,
        version: '*',
        resource: 'signers',
        verb: 'reference',
        namespace: issuer.namespace,
        name,
      },
    };
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    // It changes nothing, so that it may be sent twice.
    const review = await client.request<SubjectAccessReview>({
      method: 'POST',
      path,
      body,
      repeatable: 'always',
    });
    if (review.status?.allowed === true) return true;
  }
  return false;
}
