import { trustBundlePrefix } from './cluster-trust-bundle.ts';
import { certmountGroup } from './groups.ts';

/** Which issuer, of both kinds. */
export type SignerIssuer =
  | { readonly kind: 'Issuer'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'ClusterIssuer'; readonly name: string };

const prefix = `${certmountGroup}/`;

/** The signer that a ClusterIssuer is to pods: also the one that its ClusterTrustBundle names. */
export function clusterIssuerSigner(name: string): string {
  return prefix + name;
}

/** The reverse of {@link clusterIssuerSigner}. */
export function clusterIssuerOf(signerName: string): string | undefined {
  return isOurSigner(signerName) ? signerName.slice(prefix.length) : undefined;
}

/** The ClusterTrustBundle in which pods find what a ClusterIssuer's certificates are verified against. */
export function clusterIssuerBundle(name: string): string {
  return `${trustBundlePrefix(clusterIssuerSigner(name))}anchors`;
}

export function isOurSigner(signerName: string): boolean {
  return signerName.startsWith(prefix) && signerName.length > prefix.length;
}

/**
 * The issuers that a signer's name may mean to a pod in the namespace, the one that counts first: `certmount.io/NAME` is the
 * ClusterIssuer NAME; only where there is none, `certmount.io/PODNAMESPACE.NAME` is the Issuer NAME beside the pod.
 */
export function issuersOfSigner(signerName: string, namespace: string): readonly SignerIssuer[] {
  const name = signerName.slice(prefix.length);
  const beside = `${namespace}.`;
  return [
    { kind: 'ClusterIssuer', name },
    ...(name.startsWith(beside) && name.length > beside.length
      ? [{ kind: 'Issuer' as const, namespace, name: name.slice(beside.length) }]
      : []),
  ];
}
