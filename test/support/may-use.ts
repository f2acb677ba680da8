/** The role and binding by which somebody may `use` a CertificateRequestPolicy for requests in a namespace. */
export function mayUse(
  policy: string,
  subject: Readonly<Record<string, string>>,
  namespace = 'web',
): readonly object[] {
  const apiGroup = 'rbac.authorization.k8s.io';
  const apiVersion = `${apiGroup}/v1`;
  const name = `may-use-${policy}`;
  const rule = {
    apiGroups: ['policy.cert-manager.io'],
    resources: ['certificaterequestpolicies'],
    resourceNames: [policy],
    verbs: ['use'],
  };
  return [
    { apiVersion, kind: 'Role', metadata: { namespace, name }, rules: [rule] },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata: { namespace, name },
      roleRef: { apiGroup, kind: 'Role', name },
      subjects: [subject],
    },
  ];
}
