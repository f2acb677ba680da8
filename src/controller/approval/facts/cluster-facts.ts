import { namespaces, nodes, pods, services } from '../../../api/core.ts';
import type { Namespace, Node, Pod, Service } from '../../../api/core.ts';
import { isKubeError, keyTextOf, Reflector } from '../../../kube/index.ts';
import type { Change, Clock, KubeClient, KubeObject, ReflectorOptions } from '../../../kube/index.ts';
import type { ApprovalMetrics, LiveResource } from '../approval-metrics.ts';
import type { Facts, FactSources } from './facts.ts';
import { Interner } from './interner.ts';
import { slimNamespace, slimNode, slimPod, slimService } from './slim.ts';

export interface ClusterFactsDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics: Pick<ApprovalMetrics, 'readLive'>;
  readonly onError: (resource: string, error: unknown) => void;
  /** The labels of a namespace have changed. */
  readonly onRelabelled: () => void;
}

type Labels = Readonly<Record<string, string>>;

/**
 * The pods of the cluster that have not ended, its services and its nodes, as its watches tell of them, and how to look
 * at them anew. About 0.7 KiB a pod; it would be 1 KiB if pods did not share their labels.
 *
 * Namespaces are watched from the first time on that somebody asks for their labels.
 */
export class ClusterFacts implements FactSources {
  readonly #deps: ClusterFactsDependencies;
  readonly #pods: Reflector<Pod>;
  readonly #nodes: Reflector<Node>;
  readonly #services: Reflector<Service>;
  readonly #servicesOf = new Map<string, Map<string, Service>>();
  readonly #namespaces: Reflector<Namespace>;
  readonly #namespacesWanted = Promise.withResolvers<void>();

  constructor(deps: ClusterFactsDependencies) {
    this.#deps = deps;
    const { client } = deps;
    const interner = new Interner();
    this.#pods = this.#reflector({
      resource: client.resource(pods),
      fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
      transform: (pod) => slimPod(pod, interner),
    });
    this.#nodes = this.#reflector({
      resource: client.resource(nodes),
      transform: (node) => slimNode(node, interner),
    });
    this.#services = this.#reflector({
      resource: client.resource(services),
      transform: (service) => slimService(service, interner),
    });
    this.#namespaces = this.#reflector({
      resource: client.resource(namespaces),
      transform: (namespace) => slimNamespace(namespace, interner),
    });
    this.#services.subscribe(this.#serviceChanged);
    this.#namespaces.subscribe((change) => {
      if (change.type === 'modified' && sameLabels(change.object, change.previous)) return;
      deps.onRelabelled();
    });
  }

  readonly watched: Facts = {
    pod: (namespace, name) => Promise.resolve(this.#pods.get({ namespace, name })),
    nodeUid: (name) => Promise.resolve(this.#nodes.get({ name })?.metadata.uid),
    services: (namespace) => Promise.resolve([...(this.#servicesOf.get(namespace)?.values() ?? [])]),
  };

  readonly live: Facts = {
    pod: (namespace, name) =>
      this.#read('pods', () => this.#deps.client.resource(pods).get({ namespace, name })),
    nodeUid: async (name) => {
      const node = await this.#read('nodes', () => this.#deps.client.resource(nodes).get({ name }));
      return node?.metadata.uid;
    },
    services: async (namespace) => {
      const list = await this.#read('services', () =>
        this.#deps.client.resource(services).list({ namespace }),
      );
      return list?.items ?? [];
    },
  };

  /** Undefined when there is no such namespace. */
  async namespaceLabels(name: string): Promise<Labels | undefined> {
    this.#namespacesWanted.resolve();
    const known = this.#namespaces.get({ name });
    if (known) return known.metadata.labels ?? {};
    const found = await this.#read('namespaces', () => this.#deps.client.resource(namespaces).get({ name }));
    return found && (found.metadata.labels ?? {});
  }

  async run(signal: AbortSignal): Promise<void> {
    const always = [this.#pods, this.#nodes, this.#services].map((reflector) => reflector.run(signal));
    await Promise.race([this.#namespacesWanted.promise, aborted(signal)]);
    await Promise.all([...always, this.#namespaces.run(signal)]);
  }

  readonly #serviceChanged = ({ object, type }: Change<Service>): void => {
    const { namespace = '' } = object.metadata;
    const present = this.#servicesOf.get(namespace) ?? new Map<string, Service>();
    if (type === 'deleted') present.delete(keyTextOf(object));
    else present.set(keyTextOf(object), object);
    if (present.size === 0) this.#servicesOf.delete(namespace);
    else this.#servicesOf.set(namespace, present);
  };

  async #read<T>(resource: LiveResource, read: () => Promise<T>): Promise<T | undefined> {
    this.#deps.metrics.readLive(resource);
    try {
      return await read();
    } catch (error) {
      if (isKubeError(error, 'not-found')) return undefined;
      throw error;
    }
  }

  #reflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
    const { clock, onError, random } = this.#deps;
    const { plural } = options.resource.type;
    return new Reflector(options, { clock, random, onError: (error) => onError(plural, error) });
  }
}

function sameLabels(a: KubeObject, b: KubeObject): boolean {
  return JSON.stringify(a.metadata.labels) === JSON.stringify(b.metadata.labels);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
