/** An event of an audit log, as kube-apiserver 1.36 writes it. */
export function auditLine(options: {
  readonly verb?: string;
  readonly user?: string;
  readonly userAgent?: string;
  readonly objectRef?: object | undefined;
  readonly code?: number;
  readonly decision?: 'allow' | 'forbid';
}): string {
  const { code = 200, decision = 'allow', user = 'certmount:certmount-driver', verb = 'list' } = options;
  const objectRef =
    'objectRef' in options
      ? options.objectRef
      : { resource: 'certificaterequests', apiGroup: 'cert-manager.io', apiVersion: 'v1' };
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    stage: 'ResponseComplete',
    requestURI: '/',
    verb,
    user: {
      username: `system:serviceaccount:${user}`,
      groups: ['system:serviceaccounts', 'system:serviceaccounts:certmount', 'system:authenticated'],
    },
    userAgent: options.userAgent ?? 'certmount-driver/0.1.0',
    ...(objectRef && { objectRef }),
    responseStatus: { metadata: {}, code },
    annotations: { 'authorization.k8s.io/decision': decision },
  });
}
