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
  readonly status?: { readonly allowed?: boolean };
}

/** Whether somebody may do something, as the API server's authorizers say. One API call, which throws KubeError. */
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
  return status?.allowed === true;
}
