import { clusterTrustBundles, clusterTrustBundleVersions } from '../../../api/cluster-trust-bundle.ts';
import type { ClusterTrustBundle } from '../../../api/cluster-trust-bundle.ts';
import { certmountGroup } from '../../../api/groups.ts';
import { ServedWatch, WorkQueue } from '../../../kube/index.ts';
import type { Change } from '../../../kube/index.ts';
import {
  clusterIssuerBundle,
  clusterIssuerOf,
  clusterIssuerSigner,
} from '../../../api/pod-certificate-signer.ts';
import type { TermContext, TermPart } from '../../term-part.ts';
import type { TrustBundleWriter } from '../trust-bundle-writer.ts';
import { ClusterTrustBundles } from './cluster-trust-bundles.ts';

/** On the bundles of issuers, and on no others. */
const sourceLabel = { [`${certmountGroup}/trust-source`]: 'ClusterIssuer' } as const;

export interface IssuerBundlesDependencies extends Pick<
  TermContext,
  'anchors' | 'clock' | 'issuers' | 'log' | 'otherConsumers' | 'random'
> {
  readonly bundles: TrustBundleWriter;
  /** Of the bundles that are there, {@link IssuerBundles.selector}. */
  readonly watch: Pick<ServedWatch<ClusterTrustBundle>, 'run' | 'subscribe'>;
}

/**
 * Publishes the anchors of each ClusterIssuer to pods, as the ClusterTrustBundle of the signer that it is to them. Not those
 * of Issuers: whoever may write in one namespace would write to every node of the cluster.
 */
export class IssuerBundles implements TermPart {
  static readonly selector = Object.entries(sourceLabel)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

  /** Nobody waits for it: what it publishes is read from the API. */
  readonly synced = true;
  readonly #deps: IssuerBundlesDependencies;
  readonly #queue: WorkQueue;
  /** ClusterIssuers whose anchors pods may read from their bundle. */
  readonly #published = new Set<string>();

  constructor(deps: IssuerBundlesDependencies) {
    this.#deps = deps;
    const { clock, issuers, log, random, watch } = deps;
    this.#queue = new WorkQueue(
      { workers: 1, baseDelayMs: 1_000, maxDelayMs: 300_000 },
      {
        clock,
        random,
        reconcile: (name) => this.#reconcile(name),
        onError: (name, error, retryInMs) =>
          log.warn(
            { issuer: `ClusterIssuer/${name}`, error, retryInMs },
            'its ClusterTrustBundle was not written, trying again',
          ),
      },
    );
    issuers.subscribe((issuer) => {
      if (issuer.kind === 'ClusterIssuer') this.#queue.add(issuer.name);
    });
    watch.subscribe(this.#bundleChanged);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#queue.run(signal), this.#deps.watch.run(signal)]);
  }

  /** Brings back what somebody has changed or deleted, and removes what an issuer left that went while nobody led. */
  readonly #bundleChanged = ({ object }: Change<ClusterTrustBundle>): void => {
    const name = clusterIssuerOf(object.spec.signerName ?? '');
    if (name !== undefined) this.#queue.add(name);
  };

  async #reconcile(name: string): Promise<void> {
    const { anchors, bundles, issuers, log } = this.#deps;
    const signerName = clusterIssuerSigner(name);
    const bundle = clusterIssuerBundle(name);
    const key = { kind: 'ClusterIssuer', name } as const;
    const current = issuers.state(key) === undefined ? [] : anchors.of(key);
    // Not known at this moment: what was published stays.
    if (current === undefined) return;
    const authorities = current.filter(({ isCA }) => isCA);
    if (authorities.length === 0) {
      await bundles.delete(bundle);
      this.#publishes(name, false);
      return;
    }
    const text = authorities.map(({ pem }) => pem).join('');
    let written: Awaited<ReturnType<TrustBundleWriter['write']>> | undefined;
    try {
      written = await bundles.write({ name: bundle, signerName, anchors: text, labels: sourceLabel });
    } finally {
      // When it could not be written there may be an older one, which has readers too.
      this.#publishes(name, written !== 'not-served');
    }
    if (written === 'written')
      log.info({ trustBundle: bundle, count: authorities.length }, 'anchors published');
  }

  /** Who reads a bundle reports nothing back, so a new CA gives them time. */
  #publishes(name: string, does: boolean): void {
    if (does === this.#published.has(name)) return;
    if (does) this.#published.add(name);
    else this.#published.delete(name);
    const issuers = [...this.#published].map((one) => ({ kind: 'ClusterIssuer' as const, name: one }));
    this.#deps.otherConsumers.replace('cluster-trust-bundles', issuers);
  }
}

export function issuerBundlesPart(context: TermContext): TermPart {
  const { client, clock, log, random } = context;
  const [newest, older] = clusterTrustBundleVersions;
  const watch = new ServedWatch<ClusterTrustBundle>(
    {
      types: [clusterTrustBundles(newest), clusterTrustBundles(older)],
      labelSelector: IssuerBundles.selector,
    },
    {
      client,
      clock,
      random,
      onError: (error) => log.warn({ resource: 'clustertrustbundles', error }, 'watch failed, trying again'),
    },
  );
  return new IssuerBundles({ ...context, bundles: new ClusterTrustBundles(client), watch });
}
