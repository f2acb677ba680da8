import type { Pod } from '../../../api/core.ts';
import type { Reflector } from '../../../kube/index.ts';
import type { PodIdentity } from '../identity.ts';
import { type PodGate, podIpsOf, unmetGate } from './pod-gate.ts';

export interface NodePodsDependencies {
  /** Of the pods of this node. Made and run when the first volume waits for something of its pod. */
  readonly reflector: () => Reflector<Pod>;
}

/** What volumes want to know of their pods. A node without such volumes watches no pods. */
export class NodePods {
  readonly #deps: NodePodsDependencies;
  readonly #stopping = new AbortController();
  #reflector: Reflector<Pod> | undefined;
  #running: Promise<void> | undefined;

  constructor(_options: Record<never, never>, dependencies: NodePodsDependencies) {
    this.#deps = dependencies;
  }

  /** What the pod still lacks, for people to read; undefined when it has passed every gate. */
  unmet(pod: PodIdentity, gates: readonly PodGate[]): string | undefined {
    return gates.length === 0 ? undefined : unmetGate(this.#find(pod), gates);
  }

  /** The pod's addresses, its primary one first; empty while they are not known. */
  ips(pod: PodIdentity): readonly string[] {
    return podIpsOf(this.#find(pod));
  }

  /** Resolves once the pod has passed every gate. Rejects with the signal's reason. */
  async whenReady(pod: PodIdentity, gates: readonly PodGate[], signal: AbortSignal): Promise<void> {
    await this.#watched().waitFor(
      { namespace: pod.namespace, name: pod.name },
      (found) => unmetGate(samePod(found, pod), gates) === undefined,
      signal,
    );
  }

  /** Resolves once the pod has addresses, and other ones than these. Rejects with the signal's reason. */
  async whenReaddressed(pod: PodIdentity, ips: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#watched().waitFor(
      { namespace: pod.namespace, name: pod.name },
      (found) => {
        const present = podIpsOf(samePod(found, pod));
        return present.length > 0 && present.join() !== ips.join();
      },
      signal,
    );
  }

  /** Resolves once it is known which pods there are. Rejects with the signal's reason. */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await this.#watched().whenSynced(signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  #find(pod: PodIdentity): Pod | undefined {
    return samePod(this.#watched().get({ namespace: pod.namespace, name: pod.name }), pod);
  }

  #watched(): Reflector<Pod> {
    if (this.#reflector === undefined) {
      this.#reflector = this.#deps.reflector();
      this.#running = this.#reflector.run(this.#stopping.signal);
    }
    return this.#reflector;
  }
}

/** Keeps of a pod what gates look at; annotations can be long, and only whether they are empty counts. */
export function slimPod({ metadata, spec, status }: Pod): Pod {
  const { annotations = {}, name, namespace, resourceVersion, uid } = metadata;
  const present = Object.entries(annotations).filter(([, value]) => value !== '');
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(uid === undefined ? {} : { uid }),
      annotations: Object.fromEntries(present.map(([key]) => [key, 'set'])),
    },
    spec: spec.nodeName === undefined ? {} : { nodeName: spec.nodeName },
    status: {
      podIPs: status?.podIPs ?? [],
      conditions: (status?.conditions ?? []).map((condition) => ({
        type: condition.type,
        status: condition.status,
      })),
    },
  };
}

/** A pod that took the name of another one is not it. */
function samePod(found: Pod | undefined, pod: PodIdentity): Pod | undefined {
  return found?.metadata.uid === pod.uid ? found : undefined;
}
