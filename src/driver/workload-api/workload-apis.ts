import type { Timer } from '../../kube/index.ts';
import { toVolumeError } from '../volume/volume-error.ts';
import type { VolumeSpec } from '../volume/volume-spec.ts';
import { ConnectionCount } from './connection-count.ts';
import type { WorkloadApiLimits } from './limits.ts';
import type { VolumeApi, VolumeApiDependencies } from './volume-api.ts';

export interface WorkloadApisOptions {
  readonly limits: WorkloadApiLimits;
}

export type WorkloadApisDependencies = Omit<VolumeApiDependencies, 'count'>;

/** The SPIFFE Workload API in the volumes that ask for it. */
export class WorkloadApis {
  readonly #limits: WorkloadApiLimits;
  readonly #deps: WorkloadApisDependencies;
  readonly #count: ConnectionCount;
  /** Volumes that are to be served. */
  readonly #wanted = new Set<string>();
  readonly #apis = new Map<string, VolumeApi>();
  /** One for all volumes. */
  #window: Timer | undefined;

  constructor({ limits }: WorkloadApisOptions, dependencies: WorkloadApisDependencies) {
    this.#limits = limits;
    this.#deps = dependencies;
    this.#count = new ConnectionCount(limits);
  }

  /**
   * To be called when a volume is there and whenever its files have changed: serves its socket if it has asked for one, and
   * tells open streams what is new.
   *
   * @throws {VolumeError}
   */
  async update(spec: VolumeSpec): Promise<void> {
    const { volumeId, workloadApi } = spec;
    if (!workloadApi) return;
    this.#wanted.add(volumeId);
    try {
      // A driver without such volumes does not pay for it.
      const { VolumeApi } = await import('./volume-api.ts');
      if (!this.#wanted.has(volumeId)) return;
      let api = this.#apis.get(volumeId);
      if (api === undefined) {
        const log = this.#deps.log.child({ volume: volumeId });
        api = new VolumeApi({ limits: this.#limits, spec }, { ...this.#deps, log, count: this.#count });
        this.#apis.set(volumeId, api);
        this.#armWindow();
      }
      await api.update(spec);
    } catch (error) {
      throw toVolumeError(error, 'mount-failed', 'cannot serve the Workload API in the volume');
    }
  }

  /** Whether the volume's socket is there, or is away for a while after a flood. */
  serves(volumeId: string): boolean {
    return this.#apis.get(volumeId)?.isOpen ?? false;
  }

  /** Before the volume is unmounted, which open sockets would hinder. One that is not served is fine. */
  async close(volumeId: string): Promise<void> {
    this.#wanted.delete(volumeId);
    this.#apis.get(volumeId)?.close();
    this.#apis.delete(volumeId);
    if (this.#apis.size === 0) {
      this.#window?.cancel();
      this.#window = undefined;
    }
  }

  /** The sockets stay in the volumes, for the next process to take their places: clients try again until then. */
  async closeAll(): Promise<void> {
    for (const volumeId of [...this.#wanted]) await this.close(volumeId);
  }

  #armWindow(): void {
    this.#window ??= this.#deps.clock.setTimer(() => {
      this.#window = undefined;
      for (const api of this.#apis.values()) api.endWindow();
      if (this.#apis.size > 0) this.#armWindow();
    }, this.#limits.trafficWindowMs);
  }
}
