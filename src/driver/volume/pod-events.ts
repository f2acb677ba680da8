import type { Event } from '../../api/core.ts';
import { eventNote } from '../../api/event-note.ts';
import { type Clock, Gate, type Resource } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { PodIdentity } from './identity.ts';

export interface PodEventsOptions {
  readonly nodeName: string;
  readonly driverName: string;
}

export interface PodEventsDependencies {
  readonly events: Pick<Resource<Event>, 'create'>;
  readonly clock: Clock;
  readonly randomHex: () => string;
  readonly log: Logger;
}

export type PodEventReason =
  | 'CertificateExpired'
  | 'CertificateIssued'
  | 'CertificatePending'
  | 'CertificateRenewalFailed'
  | 'SubPathNeverUpdates'
  | 'TrustNotUpdated'
  | 'VolumeNotRenewed';

/** The same of the same pod is told again only after so long. */
const silenceMs = 5 * 60_000;
/** Entries of the memory of what was told; the oldest make way. */
const remembered = 1_000;
/** Writes under way: a server that is slow to take Events must not have all connections of the node. */
const writesAtOnce = 2;
/** Events that wait for that; further ones are dropped. */
const mostWaiting = 50;

/** Tells a pod's owner of trouble where `kubectl describe pod` shows it. Best effort: an Event that is lost stays lost. */
export class PodEvents {
  readonly #options: PodEventsOptions;
  readonly #deps: PodEventsDependencies;
  readonly #told = new Map<string, number>();
  readonly #writes = new Gate({ atOnce: writesAtOnce });

  constructor(options: PodEventsOptions, dependencies: PodEventsDependencies) {
    this.#options = options;
    this.#deps = dependencies;
  }

  warn(pod: PodIdentity, reason: PodEventReason, note: string): void {
    this.#tell(pod, 'Warning', reason, note);
  }

  inform(pod: PodIdentity, reason: PodEventReason, note: string): void {
    this.#tell(pod, 'Normal', reason, note);
  }

  #tell(pod: PodIdentity, type: Event['type'], reason: PodEventReason, note: string): void {
    const { clock, events, log } = this.#deps;
    const key = `${pod.uid} ${reason}`;
    const last = this.#told.get(key);
    // A wall clock that was set back must not silence for as long.
    if (last !== undefined && Math.abs(clock.now() - last) < silenceMs) return;
    if (this.#writes.waiting >= mostWaiting) return;
    this.#told.delete(key);
    this.#told.set(key, clock.now());
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= remembered) break;
      this.#told.delete(oldest);
    }
    const event = this.#event(pod, type, reason, note);
    this.#writes
      .run(() => events.create(event))
      .catch((error: unknown) => {
        log.debug({ error, pod: `${pod.namespace}/${pod.name}`, reason }, 'event could not be created');
      });
  }

  #event(pod: PodIdentity, type: Event['type'], reason: PodEventReason, note: string): Event {
    const { clock, randomHex } = this.#deps;
    const { driverName, nodeName } = this.#options;
    const { name, namespace, uid } = pod;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${name.slice(0, 230).replace(/[.-]+$/, '')}.${randomHex()}`, namespace },
      // MicroTime: six digits of a second, no more, no fewer.
      eventTime: new Date(clock.now()).toISOString().replace('Z', '000Z'),
      reportingController: driverName,
      reportingInstance: nodeName.slice(0, 128),
      action: 'Issue',
      type,
      reason,
      note: eventNote(note),
      regarding: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
    };
  }
}
