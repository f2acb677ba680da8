import { configMaps, secrets } from '../../../../api/core.ts';
import type { ConfigMap, Secret } from '../../../../api/core.ts';
import { selectorText } from '../../../../api/label-selector.ts';
import type { Change, KubeObject } from '../../../../kube/index.ts';
import { OwnedWatches } from '../../../owned-watches.ts';
import type { Watched, WatchListener } from '../../../owned-watches.ts';
import { watchNamed } from '../../../watch-named.ts';
import type { NamedListener, WatchNamedDependencies } from '../../../watch-named.ts';
import { pickMetadata } from '../../../slim-object.ts';
import { selects } from './source-selection.ts';
import type { SourceSelection } from './source-selection.ts';

/** One object with PEM in it. */
export interface SourceEntries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** A Secret with a certificate and its key. */
  readonly isTls: boolean;
  /** The value of an entry of a Secret is empty where it had no certificate. */
  readonly entries: Readonly<Record<string, string>>;
}

export type SelectionState =
  | { readonly state: 'loading' }
  /** It cannot be read, for a reason that an administrator may have to mend. */
  | { readonly state: 'unavailable'; readonly message: string }
  /** By name. */
  | { readonly state: 'known'; readonly objects: readonly SourceEntries[] };

export interface SourceObjectsDependencies extends WatchNamedDependencies {
  /** Told for each Bundle of whose sources something new is known. */
  readonly onChange: (bundle: string) => void;
}

/**
 * ConfigMaps and Secrets of the trust namespace that Bundles name. All ConfigMaps under one watch; of the Secrets only those
 * that are named or selected, one watch each, and of these nothing but certificates is kept.
 */
export class SourceObjects {
  readonly #namespace: string;
  readonly #deps: SourceObjectsDependencies;
  readonly #watches: OwnedWatches<SourceSelection, readonly SourceEntries[]>;

  constructor(namespace: string, deps: SourceObjectsDependencies) {
    this.#namespace = namespace;
    this.#deps = deps;
    this.#watches = new OwnedWatches({
      textOf: watchKey,
      watch: (selection, listener, signal) => this.#watch(selection, listener, signal),
      onChange: deps.onChange,
    });
  }

  /** Names all that a Bundle needs from now on; nothing drops the Bundle. */
  want(bundle: string, selections: readonly SourceSelection[]): void {
    this.#watches.want(bundle, selections);
  }

  /** Loading also for what no Bundle has named. */
  find(selection: SourceSelection): SelectionState {
    const found = this.#watches.get(selection);
    if (found.state !== 'known') return found;
    const objects = found.value.filter(({ name, labels }) =>
      selects(selection, { metadata: { name, labels } }),
    );
    return { state: 'known', objects: objects.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
  }

  /** Ends all watches. */
  close(): void {
    this.#watches.close();
  }

  #watch(
    selection: SourceSelection,
    listener: WatchListener<SourceSelection>,
    signal: AbortSignal,
  ): Watched<readonly SourceEntries[]> {
    const { client } = this.#deps;
    const namespace = this.#namespace;
    const key = watchKey(selection);
    const told: NamedListener<ConfigMap | Secret> = {
      changed: (change) =>
        listener.changed(change && ((named) => named.some((one) => isOf(one, key, change)))),
      failed: (message) => listener.failed(message),
    };
    const view =
      selection.kind === 'ConfigMap'
        ? watchNamed(
            { resource: client.resource(configMaps), namespace, transform: slimConfigMap },
            told,
            signal,
            this.#deps,
          )
        : watchNamed(
            {
              resource: client.resource(secrets),
              namespace,
              transform: slimSecret,
              ...secretQuery(selection),
            },
            told,
            signal,
            this.#deps,
          );
    return {
      get synced() {
        return view.synced;
      },
      current: () => Array.from<ConfigMap | Secret, SourceEntries>(view.list(), entriesOf),
    };
  }
}

/** Whether a change of what is watched under this key is one of the selection. */
function isOf(selection: SourceSelection, key: string, change: Change<ConfigMap | Secret>): boolean {
  const states = change.type === 'modified' ? [change.object, change.previous] : [change.object];
  return watchKey(selection) === key && states.some((state) => selects(selection, state));
}

function watchKey({ kind, by }: SourceSelection): string {
  if (kind === 'ConfigMap') return kind;
  return 'name' in by ? `Secret/${by.name}` : `Secrets/${selectorText(by.selector)}`;
}

function secretQuery({ by }: SourceSelection): { fieldSelector?: string; labelSelector?: string } {
  return 'name' in by
    ? { fieldSelector: `metadata.name=${by.name}` }
    : { labelSelector: selectorText(by.selector) };
}

function entriesOf(object: ConfigMap | Secret): SourceEntries {
  const { metadata, data = {} } = object;
  return {
    name: metadata.name ?? '',
    labels: metadata.labels ?? {},
    isTls: 'type' in object && object.type === 'kubernetes.io/tls',
    entries: data,
  };
}

function slimConfigMap({ metadata, data = {} }: ConfigMap): ConfigMap {
  return { metadata: slimMetadata(metadata), data };
}

/** Decoded, and without what is no certificate: a key must not stay in memory for being next to one. */
function slimSecret({ metadata, type = '', data = {} }: Secret): Secret {
  const texts = Object.entries(data).map(([key, value]) => {
    const text = Buffer.from(value, 'base64').toString('utf8');
    return [key, text.includes('-----BEGIN CERTIFICATE-----') && !text.includes('PRIVATE KEY') ? text : ''];
  });
  return { metadata: slimMetadata(metadata), type, data: Object.fromEntries(texts) };
}

function slimMetadata(metadata: KubeObject['metadata']): KubeObject['metadata'] {
  return pickMetadata(metadata, 'name', 'namespace', 'uid', 'resourceVersion', 'labels');
}
