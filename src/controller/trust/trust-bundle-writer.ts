/** Publishes anchors as ClusterTrustBundles of certificates.k8s.io, in whichever version the cluster serves. */
export interface TrustBundleWriter {
  /** @returns 'not-served' when the cluster has no ClusterTrustBundles */
  write(bundle: PublishedBundle): Promise<'written' | 'unchanged' | 'not-served'>;
  /** Nothing happens when there is none. */
  delete(name: string): Promise<void>;
}

export interface PublishedBundle {
  /** With a signer it must begin with the signer's name, "/" written as ":", and another ":" (KEP-3257). */
  readonly name: string;
  readonly signerName?: string;
  /** PEM of at least one CA, none twice. */
  readonly anchors: string;
  readonly labels?: Readonly<Record<string, string>>;
}
