import { configMaps, secrets } from '../../../../api/core.ts';
import type { ConfigMap, Secret } from '../../../../api/core.ts';
import { selectorText } from '../../../../api/label-selector.ts';
import { isKubeError, Reflector } from '../../../../kube/index.ts';
import type { Change, Clock, KubeClient, KubeObject } from '../../../../kube/index.ts';
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

export interface SourceObjectsDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told for each Bundle of whose sources something new is known. */
  readonly onChange: (bundle: string) => void;
  readonly onError: (resource: string, error: unknown) => void;
}

interface Watched {
  readonly owners: Set<string>;
  readonly stop: AbortController;
  readonly view: View;
  failure?: string;
}

interface View {
  readonly synced: boolean;
  list(): SourceEntries[];
}

/**
 * ConfigMaps and Secrets of the trust namespace that Bundles name. All ConfigMaps under one watch; of the Secrets only those
 * that are named or selected, one watch each, and of these nothing but certificates is kept.
 */
export class SourceObjects {
  readonly #namespace: string;
  readonly #deps: SourceObjectsDependencies;
  readonly #watched = new Map<string, Watched>();
  readonly #wanted = new Map<string, readonly SourceSelection[]>();

  constructor(namespace: string, deps: SourceObjectsDependencies) {
    this.#namespace = namespace;
    this.#deps = deps;
  }

  /** Watches that are open. */
  get size(): number {
    return this.#watched.size;
  }

  /** Names all that a Bundle needs from now on; nothing drops the Bundle. */
  want(bundle: string, selections: readonly SourceSelection[]): void {
    const before = (this.#wanted.get(bundle) ?? []).map(watchKey);
    const keys = selections.map(watchKey);
    if (selections.length === 0) this.#wanted.delete(bundle);
    else this.#wanted.set(bundle, selections);
    for (const selection of selections) this.#acquire(bundle, selection);
    for (const key of before) if (!keys.includes(key)) this.#release(bundle, key);
  }

  /** Loading also for what no Bundle has named. */
  find(selection: SourceSelection): SelectionState {
    const watched = this.#watched.get(watchKey(selection));
    if (watched?.view.synced === true) {
      const objects = watched.view
        .list()
        .filter(({ name, labels }) => selects(selection, { metadata: { name, labels } }));
      return { state: 'known', objects: objects.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
    }
    return watched?.failure === undefined
      ? { state: 'loading' }
      : { state: 'unavailable', message: watched.failure };
  }

  /** Ends all watches. */
  close(): void {
    for (const { stop } of this.#watched.values()) stop.abort();
    this.#watched.clear();
    this.#wanted.clear();
  }

  #acquire(bundle: string, selection: SourceSelection): void {
    const key = watchKey(selection);
    const present = this.#watched.get(key);
    if (present !== undefined) {
      present.owners.add(bundle);
      return;
    }
    const owners = new Set([bundle]);
    const stop = new AbortController();
    const { signal } = stop;
    const view =
      selection.kind === 'ConfigMap'
        ? this.#watch(
            { resource: this.#deps.client.resource(configMaps), transform: slimConfigMap },
            key,
            signal,
          )
        : this.#watch(
            {
              resource: this.#deps.client.resource(secrets),
              transform: slimSecret,
              ...secretQuery(selection),
            },
            key,
            signal,
          );
    this.#watched.set(key, { owners, stop, view });
  }

  #watch<T extends ConfigMap | Secret>(
    options: Omit<ConstructorParameters<typeof Reflector<T>>[0], 'namespace'>,
    key: string,
    signal: AbortSignal,
  ): View {
    const { clock, random, onError } = this.#deps;
    const reflector = new Reflector<T>(
      { ...options, namespace: this.#namespace },
      {
        clock,
        random,
        onError: (error) => {
          onError(options.resource.type.plural, error);
          // Anything else passes by itself, and until then nothing is known that a Bundle should tell of.
          if (isKubeError(error, 'forbidden')) this.#failed(key, error.message);
        },
      },
    );
    reflector.subscribe((change) => {
      if (reflector.synced) this.#changed(key, change);
    });
    void reflector.run(signal);
    reflector.whenSynced(signal).then(
      () => this.#tellAll(key),
      () => {}, // no Bundle names it any more
    );
    return {
      get synced() {
        return reflector.synced;
      },
      list: () => Array.from(reflector.list(), entriesOf),
    };
  }

  #changed(key: string, change: Change<ConfigMap | Secret>): void {
    const states = change.type === 'modified' ? [change.object, change.previous] : [change.object];
    for (const bundle of this.#watched.get(key)?.owners ?? []) {
      const selections = this.#wanted.get(bundle) ?? [];
      const concerned = selections.some(
        (selection) => watchKey(selection) === key && states.some((state) => selects(selection, state)),
      );
      if (concerned) this.#deps.onChange(bundle);
    }
  }

  /** Bundles look once at each new failure, not at each attempt. */
  #failed(key: string, message: string): void {
    const watched = this.#watched.get(key);
    if (watched === undefined || watched.failure === message) return;
    watched.failure = message;
    this.#tellAll(key);
  }

  #tellAll(key: string): void {
    for (const bundle of this.#watched.get(key)?.owners ?? []) this.#deps.onChange(bundle);
  }

  #release(bundle: string, key: string): void {
    const watched = this.#watched.get(key);
    if (watched === undefined) return;
    watched.owners.delete(bundle);
    if (watched.owners.size > 0) return;
    this.#watched.delete(key);
    watched.stop.abort();
  }
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
