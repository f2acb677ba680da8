import type { Pod } from '../../../api/core.ts';
import type { Clock, Resource, Timer } from '../../../kube/index.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { PodIdentity } from '../identity.ts';
import type { PodEvents } from '../pod-events.ts';

export interface SubPathWarningsDependencies {
  readonly pods: Pick<Resource<Pod>, 'get'>;
  readonly events: Pick<PodEvents, 'warn'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** A node that comes back has other things to do first, and the API server too. */
const leastDelayMs = 10_000;
const spreadMs = 50_000;

/**
 * Warns of containers that mount a volume of ours by `subPath`: the kubelet binds the file of that moment, which no
 * renewal ever replaces (kubernetes/kubernetes#50345). Looks at each pod once, some time after its volume was published.
 */
export class SubPathWarnings {
  readonly #driverName: string;
  readonly #deps: SubPathWarningsDependencies;
  readonly #due = new Map<string, Timer>();
  readonly #stopping = new AbortController();

  constructor(options: { readonly driverName: string }, dependencies: SubPathWarningsDependencies) {
    this.#driverName = options.driverName;
    this.#deps = dependencies;
  }

  lookLater(pod: PodIdentity): void {
    if (this.#due.has(pod.uid) || this.#stopping.signal.aborted) return;
    const { clock, random } = this.#deps;
    const timer = clock.setTimer(
      () => {
        this.#due.delete(pod.uid);
        void this.#look(pod);
      },
      leastDelayMs + random() * spreadMs,
    );
    this.#due.set(pod.uid, timer);
  }

  /** The pod is going. */
  forget(pod: PodIdentity): void {
    this.#due.get(pod.uid)?.cancel();
    this.#due.delete(pod.uid);
  }

  stop(): void {
    this.#stopping.abort();
    for (const timer of this.#due.values()) timer.cancel();
    this.#due.clear();
  }

  async #look(pod: PodIdentity): Promise<void> {
    const { events, log, pods } = this.#deps;
    const { name, namespace } = pod;
    try {
      const found = await pods.get({ namespace, name }, { signal: this.#stopping.signal });
      if (found.metadata.uid !== pod.uid) return;
      const mounts = subPathMounts(found, this.#driverName);
      if (mounts.length === 0) return;
      events.warn(
        pod,
        'SubPathNeverUpdates',
        `${mounts.join(', ')}: files mounted by subPath stay as they are when the certificate is renewed, and expire. Mount the whole volume as a directory.`,
      );
    } catch (error) {
      log.debug({ error, pod: `${namespace}/${name}` }, 'cannot look at the mounts of a pod');
    }
  }
}

/** `container NAME mounts volume NAME`, for each mount of a volume of the driver by a part of its path. */
export function subPathMounts(pod: Pod, driverName: string): string[] {
  const ours = new Set(
    (pod.spec.volumes ?? []).filter(({ csi }) => csi?.driver === driverName).map(({ name }) => name),
  );
  const { containers = [], ephemeralContainers = [], initContainers = [] } = pod.spec;
  return [...initContainers, ...containers, ...ephemeralContainers].flatMap((container) =>
    (container.volumeMounts ?? [])
      .filter(({ name, subPath, subPathExpr }) => ours.has(name) && (subPath ?? subPathExpr ?? '') !== '')
      .map(({ name }) => `container ${container.name} mounts volume ${name}`),
  );
}
