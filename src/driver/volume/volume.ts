import type { KeyObject } from 'node:crypto';
import type { TrustState } from './trust-state.ts';
import type { VolumeError } from './volume-error.ts';
import type { VolumeSpec } from './volume-spec.ts';

/** What lies in a volume. Times in milliseconds since the epoch. */
export interface Generation {
  readonly serialNumber: string;
  readonly notBefore: number;
  readonly notAfter: number;
  /** undefined where the files do not say where their anchors are from. */
  readonly trust: TrustState | undefined;
}

/** A request under way and the key that it is for. */
export interface Pending {
  readonly request: string;
  readonly key: KeyObject;
}

/** A volume's life. Every state holds exactly what is known in it. */
export type Volume =
  /** The pod waits for its first certificate. The key is missing when the driver died before it was made. */
  | {
      readonly state: 'requested';
      readonly spec: VolumeSpec;
      readonly request: string;
      readonly key: KeyObject | undefined;
    }
  /** The kubelet was told a final failure and nothing of the volume is left but the request, for people to look at. */
  | {
      readonly state: 'refused';
      readonly spec: VolumeSpec;
      readonly request: string;
      readonly failure: VolumeError;
      readonly at: number;
    }
  /** The pod runs without a certificate, as it asked for; its first one waits for something of the pod or is under way. */
  | {
      readonly state: 'waiting';
      readonly spec: VolumeSpec;
      readonly failedRenewals: number;
      readonly next: Pending | undefined;
    }
  /** The pod has its files. */
  | {
      readonly state: 'live';
      readonly spec: VolumeSpec;
      readonly request: string;
      readonly generation: Generation;
      readonly renewAt: number;
      readonly failedRenewals: number;
    }
  /** The pod has its files and new ones are on their way. */
  | {
      readonly state: 'renewing';
      readonly spec: VolumeSpec;
      readonly request: string;
      readonly generation: Generation;
      readonly renewAt: number;
      readonly failedRenewals: number;
      readonly next: Pending;
    };

export type LiveVolume = Extract<Volume, { state: 'live' | 'renewing' }>;
export type ServedVolume = LiveVolume | Extract<Volume, { state: 'waiting' }>;

export type VolumeEvent =
  | { readonly type: 'refused'; readonly failure: VolumeError; readonly at: number }
  | {
      readonly type: 'issued';
      readonly request: string;
      readonly generation: Generation;
      readonly renewAt: number;
    }
  /** The same certificate with other anchors. */
  | { readonly type: 'retrusted'; readonly trust: TrustState }
  | { readonly type: 'renewal-started'; readonly next: Pending }
  /** The request of the renewal can still be answered: the next attempt goes on with it. */
  | { readonly type: 'renewal-delayed' }
  | { readonly type: 'renewal-refused' };

/** The only way from one state to the next. Pure: what to do about it is the caller's. */
export function advance(volume: Volume, event: VolumeEvent): Volume {
  const { spec } = volume;
  switch (event.type) {
    case 'issued': {
      const { request, generation, renewAt } = event;
      return { state: 'live', spec, request, generation, renewAt, failedRenewals: 0 };
    }
    case 'retrusted':
      if (!isLive(volume)) break;
      return { ...volume, generation: { ...volume.generation, trust: event.trust } };
    case 'refused':
      if (volume.state !== 'requested') break;
      return { state: 'refused', spec, request: volume.request, failure: event.failure, at: event.at };
    case 'renewal-started':
      if (volume.state === 'waiting') return { ...volume, next: event.next };
      if (volume.state !== 'live') break;
      return { ...volume, state: 'renewing', next: event.next };
    case 'renewal-delayed':
      if (!isServed(volume)) break;
      return { ...volume, failedRenewals: volume.failedRenewals + 1 };
    case 'renewal-refused': {
      if (volume.state === 'waiting')
        return { ...volume, next: undefined, failedRenewals: volume.failedRenewals + 1 };
      if (!isLive(volume)) break;
      const { request, generation, renewAt, failedRenewals } = volume;
      return { state: 'live', spec, request, generation, renewAt, failedRenewals: failedRenewals + 1 };
    }
  }
  throw new Error(`a volume that is ${volume.state} cannot take "${event.type}"`);
}

/** Whether a pod may be using the volume's files. */
export function isLive(volume: Volume): volume is LiveVolume {
  return volume.state === 'live' || volume.state === 'renewing';
}

/** Whether the kubelet was told that the volume is there. */
export function isServed(volume: Volume): volume is ServedVolume {
  return isLive(volume) || volume.state === 'waiting';
}

/** The request under way for a volume that is served. */
export function pendingOf(volume: ServedVolume): Pending | undefined {
  return volume.state === 'live' ? undefined : volume.next;
}

/** Names of the CertificateRequests that the volume still needs. */
export function requestsOf(volume: Volume): readonly string[] {
  const present = volume.state === 'waiting' ? [] : [volume.request];
  const next = isServed(volume) ? pendingOf(volume) : undefined;
  return next === undefined ? present : [...present, next.request];
}
