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
import type { IssuerKey } from '../../issuers/issuer-key.ts';
import type { TermContext, TermPart } from '../../term-part.ts';
import type { AnchorConsumer } from '../rotation/other-consumers.ts';
import { ClusterTrustBundles } from './cluster-trust-bundles.ts';

/** On the bundles of issuers, and on no others. */
const sourceLabel = { [`${certmountGroup}/trust-source`]: 'ClusterIssuer' } as const;

export interface IssuerBundlesDependencies extends Pick<
  TermContext,
  'anchors' | 'clock' | 'issuers' | 'log' | 'otherConsumers' | 'random'
> {
  readonly bundles: Pick<ClusterTrustBundles, 'write' | 'delete'>;
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
  /** Of each ClusterIssuer what pods may read from its bundle; undefined when there is none. */
  readonly #handedOn = new Map<string, HandedOn | undefined>();

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
      if (issuer.kind !== 'ClusterIssuer') return;
      // There may be one that a leader before has written.
      if (!this.#handedOn.has(issuer.name)) this.#set(issuer.name, { anchors: '', failure: undefined });
      this.#queue.add(issuer.name);
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
    const key = issuerOf(name);
    const current = issuers.state(key) === undefined ? [] : anchors.of(key);
    // Not known at this moment: what was published stays.
    if (current === undefined) return;
    const authorities = current.filter(({ isCA }) => isCA);
    if (authorities.length === 0) {
      await bundles.delete(bundle);
      this.#set(name, undefined);
      if (issuers.state(key) === undefined) this.#handedOn.delete(name);
      return;
    }
    const text = authorities.map(({ pem }) => pem).join('');
    try {
      const written = await bundles.write({ name: bundle, signerName, anchors: text, labels: sourceLabel });
      this.#set(name, written === 'not-served' ? undefined : { anchors: text, failure: undefined });
      if (written === 'written')
        log.info({ trustBundle: bundle, count: authorities.length }, 'anchors published');
    } catch (error) {
      // There may be an older one, which has readers too.
      const failure = error instanceof Error ? error.message : String(error);
      this.#set(name, { anchors: this.#handedOn.get(name)?.anchors ?? '', failure });
      throw error;
    }
  }

  #set(name: string, next: HandedOn | undefined): void {
    const { otherConsumers } = this.#deps;
    const before = this.#handedOn.get(name);
    this.#handedOn.set(name, next);
    if ((before === undefined) !== (next === undefined)) {
      const consumers = [...this.#handedOn].filter(([, handedOn]) => handedOn !== undefined);
      otherConsumers.replace(
        'cluster-trust-bundles',
        consumers.map(([one]) => [issuerOf(one), this.#consumerOf(one)]),
      );
    } else if (before?.anchors !== next?.anchors || before?.failure !== next?.failure) {
      otherConsumers.changed(issuerOf(name));
    }
  }

  #consumerOf(issuer: string): AnchorConsumer {
    const name = `ClusterTrustBundle ${clusterIssuerBundle(issuer)}`;
    return {
      name,
      isSilent: true,
      lacks: (anchors) => {
        const { anchors: has = '', failure } = this.#handedOn.get(issuer) ?? {};
        if (anchors.every(({ isCA, pem }) => !isCA || has.includes(pem))) return undefined;
        return `${name} lacks it${failure === undefined ? '' : ` (${failure})`}`;
      },
    };
  }
}

interface HandedOn {
  /** PEM. */
  readonly anchors: string;
  /** Why the last attempt to write others failed. */
  readonly failure: string | undefined;
}

function issuerOf(name: string): IssuerKey {
  return { kind: 'ClusterIssuer', name };
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
