import { namespaces, nodes, pods, services } from '../../../api/core.ts';
import type { Namespace, Node, Pod, Service } from '../../../api/core.ts';
import { aborted, keyTextOf, KubeError, Reflector, sleep } from '../../../kube/index.ts';
import type {
  Change,
  Clock,
  KubeClient,
  KubeObject,
  ObjectKey,
  ReflectorOptions,
  ResourceType,
} from '../../../kube/index.ts';
import type { ApprovalMetrics, LiveResource } from '../approval-metrics.ts';
import type { Facts, FactSources } from './facts.ts';
import { Interner } from './interner.ts';
import { LiveServices } from './live-services.ts';
import { PodAddresses } from './pod-addresses.ts';
import type { AddressLook } from './pod-addresses.ts';
import { slimNamespace, slimNode, slimPod, slimService } from './slim.ts';

export interface ClusterFactsDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics: Pick<ApprovalMetrics, 'readLive'>;
  readonly onError: (resource: string, error: unknown) => void;
  /** The labels of a namespace have changed, or it is new or gone. */
  readonly onRelabelled: (namespace: string) => void;
}

type Labels = Readonly<Record<string, string>>;

/** Nobody's address can be judged before it is known who has which; a first list takes seconds at most. */
const addressesWaitMs = 5_000;

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
  readonly #addresses = new PodAddresses();
  readonly #liveServices: LiveServices;
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
    this.#liveServices = new LiveServices({
      clock: deps.clock,
      list: (namespace, page) => {
        deps.metrics.readLive('services');
        return client.resource(services).list({ namespace, ...page });
      },
    });
    this.#services.subscribe(this.#serviceChanged);
    this.#services.subscribe(this.#addresses.serviceChanged);
    this.#pods.subscribe(this.#addresses.podChanged);
    this.#nodes.subscribe(this.#addresses.nodeChanged);
    this.#namespaces.subscribe((change) => {
      if (change.type === 'modified' && sameLabels(change.object, change.previous)) return;
      deps.onRelabelled(change.object.metadata.name ?? '');
    });
  }

  readonly watched: Facts = {
    pod: async (namespace, name) => {
      const pod = this.#pods.get({ namespace, name });
      if (!pod || !hasAddresses(pod)) return pod;
      return withAddresses(
        pod,
        this.#addressesKnown ? await this.#addresses.own(pod, this.#watchedLook) : [],
      );
    },
    nodeUid: (name) => Promise.resolve(this.#nodes.get({ name })?.metadata.uid),
    services: (namespace) => Promise.resolve([...(this.#servicesOf.get(namespace)?.values() ?? [])]),
  };

  readonly live: Facts = {
    pod: async (namespace, name) => {
      const pod = await this.#readPod(namespace, name);
      if (!pod || !hasAddresses(pod)) return pod;
      await this.#whenAddressesKnown();
      return withAddresses(pod, await this.#addresses.own(pod, this.#liveLook));
    },
    nodeUid: async (name) => (await this.#readNode(name))?.metadata.uid,
    services: (namespace) => this.#liveServices.of(namespace),
  };

  readonly #watchedLook: AddressLook = {
    node: (name) => Promise.resolve(this.#nodes.get({ name })),
    pod: (other) => Promise.resolve(other),
  };

  readonly #liveLook: AddressLook = {
    node: (name) => this.#readNode(name),
    pod: ({ metadata: { name = '', namespace = '' } }) => this.#readPod(namespace, name),
  };

  /** Undefined when there is no such namespace. */
  async namespaceLabels(name: string): Promise<Labels | undefined> {
    this.#namespacesWanted.resolve();
    const known = this.#namespaces.get({ name });
    if (known) return known.metadata.labels ?? {};
    const found = await this.#read('namespaces', namespaces, { name });
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

  get #addressesKnown(): boolean {
    return this.#pods.synced && this.#services.synced && this.#nodes.synced;
  }

  async #whenAddressesKnown(): Promise<void> {
    if (this.#addressesKnown) return;
    const stop = new AbortController();
    const caches = [this.#pods, this.#services, this.#nodes];
    const known = Promise.all(caches.map((reflector) => reflector.whenSynced(stop.signal)));
    await Promise.race([known, sleep(this.#deps.clock, addressesWaitMs, stop.signal)]);
    stop.abort();
    if (this.#addressesKnown) return;
    throw new KubeError('unavailable', 'it is not known yet which addresses pods, services and nodes have');
  }

  #readPod(namespace: string, name: string): Promise<Pod | undefined> {
    return this.#read('pods', pods, { namespace, name });
  }

  #readNode(name: string): Promise<Node | undefined> {
    return this.#read('nodes', nodes, { name });
  }

  #read<T extends KubeObject>(
    resource: LiveResource,
    type: ResourceType<T>,
    key: ObjectKey,
  ): Promise<T | undefined> {
    this.#deps.metrics.readLive(resource);
    return this.#deps.client.resource(type).find(key);
  }

  #reflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
    const { clock, onError, random } = this.#deps;
    const { plural } = options.resource.type;
    return new Reflector(options, { clock, random, onError: (error) => onError(plural, error) });
  }
}

function hasAddresses({ status }: Pod): boolean {
  return (status?.podIPs?.length ?? 0) > 0 || (status?.podIP ?? '') !== '';
}

function withAddresses({ status, ...pod }: Pod, ips: readonly string[]): Pod {
  const { podIP: _, ...rest } = status ?? {};
  return { ...pod, status: { ...rest, podIPs: ips.map((ip) => ({ ip })) } };
}

function sameLabels(a: KubeObject, b: KubeObject): boolean {
  return JSON.stringify(a.metadata.labels) === JSON.stringify(b.metadata.labels);
}
