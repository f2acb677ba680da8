import type { Pod, PodVolume } from '../../api/core.ts';
import type { GenerationReport, VolumeReport } from '../../api/volume-report.ts';
import { renewalTime } from '../../driver/volume/renewal/renewal-time.ts';
import type { CertificateDescription } from '../../pki/index.ts';
import { otherDriverNames } from '../driver-names.ts';
import { hasStarted } from './has-started.ts';
import { certificateFields, type IdentityRow, type IdentityState, stateOfIssued } from './identity-row.ts';
import { mountedCertificate } from './mounted-certificate.ts';
import type { RequestFacts } from './request-facts.ts';
import { volumeAttributes, type VolumeAttributes } from './volume-attributes.ts';
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

/** What the driver of the node says of a volume: null when it has no such volume, undefined when it was not asked. */
export type DriverReport = VolumeReport | null | undefined;

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

export function csiIdentity(
  pod: Pod,
  volume: PodVolume,
  requests: VolumeRequests,
  report: DriverReport,
  now: number,
): IdentityRow {
  const { metadata, spec } = pod;
  const attributes = volumeAttributes(volume);
  const held = heldBy(requests, report, attributes.renewBefore);
  const next = nextOf(requests, held);
  const { issuer } = requests.present ?? requests.next ?? attributes;
  return {
    source: 'csi',
    namespace: metadata.namespace ?? '',
    pod: metadata.name ?? '',
    node: spec.nodeName ?? null,
    serviceAccount: spec.serviceAccountName ?? 'default',
    name: volume.name,
    driver: volume.csi?.driver ?? null,
    issuer: issuer ?? null,
    ...certificateFields(held?.certificate, held?.renewsBy ?? null),
    object: held?.request ?? (requests.present ?? next)?.name ?? null,
    ...(held === undefined ? stateOfNone(pod, attributes, requests, report) : stateOfHeld(held, next, now)),
  };
}

/** A volume's certificate. */
interface HeldCertificate {
  readonly certificate: CertificateDescription;
  /** Milliseconds since the epoch; null when nothing tells. */
  readonly renewsBy: number | null;
  readonly request: string;
}

/** What was issued last; where no request tells of it, because the driver keeps none, what is mounted. */
function heldBy(
  { present }: VolumeRequests,
  report: DriverReport,
  renewBefore: number | undefined,
): HeldCertificate | undefined {
  if (present?.issued !== undefined) {
    const { issued, name, readyAt } = present;
    // The driver renews up to a tenth of the lifetime earlier, at random.
    const renewsBy = renewalTime(issued, readyAt ?? issued.notBefore, renewBefore, 0);
    return { certificate: issued, renewsBy, request: name };
  }
  if (report?.present == null) return undefined;
  return {
    certificate: mountedCertificate(report.present),
    renewsBy: mountedRenewal(report.present),
    request: report.request,
  };
}

function mountedRenewal({ renewAt }: GenerationReport): number | null {
  return renewAt === null ? null : Date.parse(renewAt);
}

/** The request for the next certificate: one that is older than the certificate was not for that. */
function nextOf({ next }: VolumeRequests, held: HeldCertificate | undefined): RequestFacts | undefined {
  return next !== undefined && held !== undefined && next.created < held.certificate.notBefore
    ? undefined
    : next;
}

interface State {
  readonly state: IdentityState;
  readonly message: string | null;
}

function stateOfHeld(
  { certificate, renewsBy }: HeldCertificate,
  next: RequestFacts | undefined,
  now: number,
): State {
  const state = stateOfIssued(certificate, renewsBy, next?.phase === 'pending', now);
  const isRefused = next?.phase === 'denied' || next?.phase === 'failed';
  return { state, message: isRefused ? `the renewal was ${next.phase}: ${next.message ?? ''}` : null };
}

function stateOfNone(
  pod: Pod,
  { start }: VolumeAttributes,
  { known, next, present }: VolumeRequests,
  report: DriverReport,
): State {
  const asked = present ?? next;
  // What was issued and cannot be read is of no use to anybody.
  if (asked !== undefined)
    return { state: asked.phase === 'issued' ? 'failed' : asked.phase, message: asked.message ?? null };
  if (pod.spec.nodeName === undefined) return { state: 'missing', message: 'the pod has no node yet' };
  if (report?.problem === null)
    return {
      state: 'missing',
      message: 'the volume is mounted without one, and Events say what it waits for',
    };
  if (!known) return { state: 'unrecorded', message: 'CertificateRequests may not be listed' };
  if (!hasStarted(pod)) return { state: 'missing', message: 'the driver has not asked for it' };
  return {
    state: 'unrecorded',
    message:
      start === 'with-certificate'
        ? 'the driver keeps no request of it: see certmount identity'
        : 'no request tells whether it has one, and it starts without: see certmount identity',
  };
}

function newer(known: RequestFacts | undefined, other: RequestFacts): RequestFacts {
  return known === undefined || other.created >= known.created ? other : known;
}
