import { KubeError, type Lease, type ObjectKey } from '../../../../src/kube/index.ts';

/** One Lease in memory, with the API server's optimistic locking. */
export class FakeLeases {
  lease: Lease | undefined;
  /** Every call fails. */
  away = false;
  /** Writes are done, but their answer is lost. */
  losesAnswers = false;
  /** Writes do not come to an end. */
  hangs = false;
  /** Calls under way at this moment. */
  writes = 0;
  #version = 0;

  resource(): this {
    return this;
  }

  find(_key: ObjectKey): Promise<Lease | undefined> {
    return this.away ? Promise.reject(unavailable()) : Promise.resolve(structuredClone(this.lease));
  }

  create(lease: Lease): Promise<Lease> {
    return this.lease === undefined
      ? this.#write(lease)
      : Promise.reject(new KubeError('already-exists', 'there is one'));
  }

  replace(lease: Lease): Promise<Lease> {
    return this.lease?.metadata.resourceVersion === lease.metadata.resourceVersion
      ? this.#write(lease)
      : Promise.reject(new KubeError('conflict', 'another version'));
  }

  /** As another process would. */
  take(holderIdentity: string, leaseDurationSeconds = 15): void {
    this.lease = {
      metadata: { namespace: 'system', name: 'leader', resourceVersion: String(++this.#version) },
      spec: { holderIdentity, leaseDurationSeconds },
    };
  }

  #write(lease: Lease): Promise<Lease> {
    if (this.away) {
      return Promise.reject(unavailable());
    }
    this.writes += 1;
    if (this.hangs) {
      return new Promise(() => {});
    }
    this.lease = structuredClone(lease);
    this.lease.metadata.resourceVersion = String(++this.#version);
    return this.losesAnswers ? Promise.reject(unavailable()) : Promise.resolve(structuredClone(this.lease));
  }
}

function unavailable(): KubeError {
  return new KubeError('unavailable', 'the server is away');
}
