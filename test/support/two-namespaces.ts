import { clusterIssuerWithCa } from './certificate-authority.ts';
import type { CertmountCluster } from './certmount-cluster.ts';
import { eventually } from './eventually.ts';
import { namespace, serviceAccount } from './pods.ts';

/** The issuer `mesh-ca`, `frontend` in the namespace `web`, and `database` in `store`. */
export async function prepareTwoNamespaces({ controlPlane, kubectl }: CertmountCluster): Promise<void> {
  const accounts = [
    ['web', 'frontend'],
    ['store', 'database'],
  ] as const;
  await controlPlane.apply([
    ...(await clusterIssuerWithCa('mesh-ca')).manifests,
    ...accounts.map(([ns]) => namespace(ns)),
    ...accounts.map(([ns, name]) => serviceAccount(ns, name)),
  ]);
  for (const [ns, name] of accounts)
    await eventually('the service account', () => kubectl('get', 'serviceaccount', '-n', ns, name));
}
