import type { Pod, PodVolume } from '../../api/core.ts';
import { parseDuration } from '../../api/duration.ts';
import { certificateFields, type IdentityRow, type IdentityState, stateOfIssued } from './identity-row.ts';
import type { RequestFacts } from './request-facts.ts';
import { volumeIdOf } from './volume-id.ts';

/** Groups that attributes may be written under; see docs/attributes.md. */
const attributePrefixes = ['', 'csi.certmount.io/', 'csi.cert-manager.io/', 'spiffe.csi.cert-manager.io/'];

/** The requests of a volume. */
export interface VolumeRequests {
  /** The newest that has its certificate. */
  readonly present: RequestFacts | undefined;
  /** One that is newer than that, or the only one. */
  readonly next: RequestFacts | undefined;
}

/** Finds the requests of volumes; keeps at most two of each. */
export class VolumeRequestIndex {
  readonly #byVolume = new Map<string, VolumeRequests>();

  add(facts: RequestFacts): void {
    const { namespace, podUid, volumeId } = facts;
    if (podUid === undefined || volumeId === undefined) return;
    const key = keyOf(namespace, podUid, volumeId);
    const { next, present } = this.#byVolume.get(key) ?? { present: undefined, next: undefined };
    this.#byVolume.set(
      key,
      facts.phase === 'issued'
        ? { present: newer(present, facts), next }
        : { present, next: newer(next, facts) },
    );
  }

  /** @param volume by its name in the pod */
  of({ metadata: { namespace = '', uid = '' } }: Pod, volume: string): VolumeRequests {
    const key = keyOf(namespace, uid, volumeIdOf(uid, volume));
    const found = this.#byVolume.get(key) ?? { present: undefined, next: undefined };
    const { next, present } = found;
    return next !== undefined && present !== undefined && next.created < present.created
      ? { present, next: undefined }
      : found;
  }
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
  const renewsBy = present === undefined ? null : latestRenewal(volume, present);
  const attributes = volume.csi?.volumeAttributes ?? {};
  return {
    source: 'csi',
    namespace: metadata.namespace ?? '',
    pod: metadata.name ?? '',
    node: spec.nodeName ?? null,
    serviceAccount: spec.serviceAccountName ?? 'default',
    name: volume.name,
    driver: volume.csi?.driver ?? null,
    issuer: (present ?? next)?.issuer ?? attributeOf(attributes, 'issuer-name') ?? null,
    ...certificateFields(present?.issued, renewsBy),
    object: (present ?? next)?.name ?? null,
    ...stateOf(pod, requests, renewsBy, now),
  };
}

function stateOf(
  pod: Pod,
  { next, present }: VolumeRequests,
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
  // Its containers wait for the volume, so where they run there was a certificate.
  return hasStarted(pod)
    ? { state: 'unrecorded', message: 'the driver keeps no request of it: see certmount identity' }
    : { state: 'missing', message: 'the driver has not asked for it' };
}

function hasStarted({ status }: Pod): boolean {
  return (status?.containerStatuses ?? []).some(({ state }) => state?.running !== undefined);
}

/** The driver renews up to a tenth of the lifetime earlier, at random; see renewal-time.ts of the driver. */
function latestRenewal(volume: PodVolume, { issued, readyAt }: RequestFacts): number | null {
  if (issued === undefined) return null;
  const start = Math.min(Math.max(issued.notBefore, readyAt ?? 0), issued.notAfter);
  const usable = issued.notAfter - start;
  const before = renewBefore(attributeOf(volume.csi?.volumeAttributes ?? {}, 'renew-before'));
  return issued.notAfter - (before !== undefined && before < usable ? before : usable / 3);
}

function renewBefore(text: string | undefined): number | undefined {
  try {
    return text === undefined ? undefined : parseDuration(text);
  } catch {
    return undefined;
  }
}

function attributeOf(attributes: Readonly<Record<string, string>>, name: string): string | undefined {
  return attributePrefixes
    .map((prefix) => attributes[`${prefix}${name}`]?.trim())
    .find((value) => value !== undefined && value !== '');
}

function newer(known: RequestFacts | undefined, other: RequestFacts): RequestFacts {
  return known === undefined || other.created >= known.created ? other : known;
}
