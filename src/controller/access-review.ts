import { KubeError } from '../kube/index.ts';
import type { KubeClient } from '../kube/index.ts';

/** `spec` of a SubjectAccessReview of authorization.k8s.io/v1. */
export interface AccessReviewSpec {
  readonly user?: string | undefined;
  readonly uid?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly resourceAttributes: {
    readonly group: string;
    readonly version?: string;
    readonly resource: string;
    readonly name: string;
    readonly namespace?: string;
    readonly verb: string;
  };
}

interface SubjectAccessReview {
  readonly status?: { readonly allowed?: boolean; readonly evaluationError?: string };
}

/**
 * Whether somebody may do something, as the API server's authorizers say. One API call.
 *
 * @throws KubeError when there is no answer, also when an authorizer did not come to one: then no other has said yes, and
 *   what looks like a no is what the server makes of a webhook that is away, with `denied` where it is configured so
 */
export async function reviewAccess(
  client: Pick<KubeClient, 'request'>,
  spec: AccessReviewSpec,
): Promise<boolean> {
  const { status } = await client.request<SubjectAccessReview>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec },
    // It changes nothing, so that it may be sent twice.
    repeatable: 'always',
  });
  if (status?.allowed === true) return true;
  const failure = status?.evaluationError ?? '';
  if (failure !== '') throw new KubeError('unavailable', `an authorizer gave no answer: ${failure}`);
  return false;
}
