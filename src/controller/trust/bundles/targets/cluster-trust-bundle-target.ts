import { bundleLabel } from '../../../../api/bundle.ts';
import type { Bundle } from '../../../../api/bundle.ts';
import { trustBundlePrefix } from '../../../../api/cluster-trust-bundle.ts';
import type { KubeObject } from '../../../../kube/index.ts';
import { clusterIssuerBundle, clusterIssuerOf } from '../../../../api/pod-certificate-signer.ts';
import type { ClusterTrustBundles } from '../../cluster-trust-bundles/cluster-trust-bundles.ts';
import { TrustError } from '../../trust-error.ts';

export interface ClusterTrustBundleTargetDependencies {
  readonly writer: Pick<ClusterTrustBundles, 'write' | 'delete'>;
  /** Those that have the label of a Bundle. */
  readonly present: { list(): Iterable<KubeObject> };
}

/** The ClusterTrustBundles of Bundles: one each at most, under a name that its signer has a part in. */
export class ClusterTrustBundleTarget {
  readonly #deps: ClusterTrustBundleTargetDependencies;

  constructor(deps: ClusterTrustBundleTargetDependencies) {
    this.#deps = deps;
  }

  /**
   * Throws KubeError, and what the writer throws for what the API would refuse.
   *
   * @param anchors PEM of at least one CA
   * @returns false when the Bundle wants what the cluster does not serve
   */
  async publish(bundle: Bundle, anchors: string): Promise<boolean> {
    const owner = bundle.metadata.name ?? '';
    const target = bundle.spec.target?.clusterTrustBundle;
    if (target === undefined) {
      await this.withdraw(owner);
      return true;
    }
    const { signerName } = target;
    const name = signerName === undefined ? owner : `${trustBundlePrefix(signerName)}${owner}`;
    checkNotOfIssuer(name, signerName);
    const written = await this.#deps.writer.write({
      name,
      ...(signerName !== undefined && { signerName }),
      anchors,
      labels: { [bundleLabel]: owner },
    });
    // The new one is there before the old one goes.
    await this.#deleteOthers(owner, name);
    return written !== 'not-served';
  }

  /** Deletes what the Bundle has. */
  async withdraw(bundle: string): Promise<void> {
    await this.#deleteOthers(bundle, undefined);
  }

  async #deleteOthers(bundle: string, wanted: string | undefined): Promise<void> {
    const names = [...this.#deps.present.list()]
      .filter(({ metadata }) => metadata.labels?.[bundleLabel] === bundle)
      .map(({ metadata }) => metadata.name ?? '');
    for (const name of names) if (name !== wanted) await this.#deps.writer.delete(name);
  }
}

/** Two writers of one object would go on for ever, and pods would see now these anchors and now those. */
function checkNotOfIssuer(name: string, signerName = ''): void {
  const issuer = clusterIssuerOf(signerName);
  if (issuer === undefined || name !== clusterIssuerBundle(issuer)) return;
  throw new TrustError('foreign', `clustertrustbundles "${name}" is that of ClusterIssuer ${issuer}`);
}
