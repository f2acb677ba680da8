import type { Pod, PodVolume } from '../../api/core.ts';
import { renewalTime } from '../../driver/volume/renewal/renewal-time.ts';
import { otherDriverNames } from '../driver-names.ts';
import { certificateFields, type IdentityRow, type IdentityState, stateOfIssued } from './identity-row.ts';
import type { RequestFacts } from './request-facts.ts';
import { volumeAttributes } from './volume-attributes.ts';
import { volumeIdOf } from './volume-id.ts';

/** The requests of a volume. */
export type VolumeRequests =
  | {
      readonly known: true;
      /** The newest that has its certificate. */
      readonly present: RequestFacts | undefined;
      /** One that is newer than that, or the only one. */
      readonly next: RequestFacts | undefined;
    }
  /** They may not be listed. */
  | { readonly known: false; readonly present?: never; readonly next?: never };

type KnownRequests = Extract<VolumeRequests, { known: true }>;

const none: KnownRequests = { known: true, present: undefined, next: undefined };

/** Finds the requests of volumes; keeps at most two of each. */
export class VolumeRequestIndex {
  readonly #byVolume = new Map<string, KnownRequests>();
  /** Of drivers that mark their requests with the pod alone, as its dependents. */
  readonly #byPod = new Map<string, KnownRequests>();

  add(facts: RequestFacts): void {
    const { certificate, namespace, podUid, volumeId } = facts;
    if (podUid === undefined || certificate !== undefined) return;
    const [index, key] =
      volumeId === undefined
        ? [this.#byPod, `${namespace} ${podUid}`]
        : [this.#byVolume, keyOf(namespace, podUid, volumeId)];
    index.set(key, withRequest(index.get(key) ?? none, facts));
  }

  of(pod: Pod, { name }: PodVolume): KnownRequests {
    const { namespace = '', uid = '' } = pod.metadata;
    const marked = this.#byVolume.get(keyOf(namespace, uid, volumeIdOf(uid, name))) ?? none;
    const [only, ...others] = driverVolumes(pod, otherDriverNames);
    const ofPod =
      (others.length === 0 && only?.name === name && this.#byPod.get(`${namespace} ${uid}`)) || none;
    const { next, present } = [ofPod.present, ofPod.next]
      .filter((facts) => facts !== undefined)
      .reduce(withRequest, marked);
    const isOver = next !== undefined && present !== undefined && next.created < present.created;
    return { known: true, present, next: isOver ? undefined : next };
  }
}

function withRequest({ next, present }: KnownRequests, facts: RequestFacts): KnownRequests {
  return facts.phase === 'issued'
    ? { known: true, present: newer(present, facts), next }
    : { known: true, present, next: newer(next, facts) };
}

/** Requests say themselves for which volume they are: those of other namespaces are never believed. */
function keyOf(namespace: string, podUid: string, volumeId: string): string {
  return `${namespace} ${podUid} ${volumeId}`;
}

/** The volumes of a pod that the driver serves, under whichever of its names. */
export function driverVolumes(pod: Pod, driverNames: readonly string[]): PodVolume[] {
  return (pod.spec.volumes ?? []).filter(({ csi }) => csi !== undefined && driverNames.includes(csi.driver));
}

export function csiIdentity(pod: Pod, volume: PodVolume, requests: VolumeRequests, now: number): IdentityRow {
  const { metadata, spec } = pod;
  const { next, present } = requests;
  const { issuer, renewBefore } = volumeAttributes(volume);
  const renewsBy = present === undefined ? null : latestRenewal(present, renewBefore);
  return {
    source: 'csi',
    namespace: metadata.namespace ?? '',
    pod: metadata.name ?? '',
    node: spec.nodeName ?? null,
    serviceAccount: spec.serviceAccountName ?? 'default',
    name: volume.name,
    driver: volume.csi?.driver ?? null,
    issuer: (present ?? next)?.issuer ?? issuer ?? null,
    ...certificateFields(present?.issued, renewsBy),
    object: (present ?? next)?.name ?? null,
    ...stateOf(pod, requests, renewsBy, now),
  };
}

function stateOf(
  pod: Pod,
  { known, next, present }: VolumeRequests,
  renewsBy: number | null,
  now: number,
): { state: IdentityState; message: string | null } {
  const trouble = next?.phase === 'denied' || next?.phase === 'failed' ? next.phase : undefined;
  if (present?.issued !== undefined) {
    const state = stateOfIssued(present.issued, renewsBy, next?.phase === 'pending', now);
    const message = trouble === undefined ? null : `the renewal was ${trouble}: ${next?.message ?? ''}`;
    return { state, message };
  }
  if (next !== undefined)
    return { state: next.phase === 'issued' ? 'failed' : next.phase, message: next.message ?? null };
  if (pod.spec.nodeName === undefined) return { state: 'missing', message: 'the pod has no node yet' };
  if (!known) return { state: 'unrecorded', message: 'CertificateRequests may not be listed' };
  // Its containers wait for the volume, so where they run there was a certificate.
  return hasStarted(pod)
    ? { state: 'unrecorded', message: 'the driver keeps no request of it: see certmount identity' }
    : { state: 'missing', message: 'the driver has not asked for it' };
}

function hasStarted({ status }: Pod): boolean {
  return (status?.containerStatuses ?? []).some(({ state }) => state?.running !== undefined);
}

/** The driver renews up to a tenth of the lifetime earlier, at random. */
function latestRenewal({ issued, readyAt }: RequestFacts, renewBefore: number | undefined): number | null {
  return issued === undefined ? null : renewalTime(issued, readyAt ?? issued.notBefore, renewBefore, 0);
}

function newer(known: RequestFacts | undefined, other: RequestFacts): RequestFacts {
  return known === undefined || other.created >= known.created ? other : known;
}
