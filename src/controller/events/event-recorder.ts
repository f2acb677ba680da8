import { createHash } from 'node:crypto';
import type { Event } from '../../api/core.ts';
import { eventNote } from '../../api/event-note.ts';
import { Gate } from '../../kube/index.ts';
import type { Clock, KubeObject } from '../../kube/index.ts';
import { TokenBucket } from './token-bucket.ts';

export type EventType = Event['type'];

export interface EventRecorderOptions {
  /** The program, as in `certmount.io/controller`. */
  readonly reportingController: string;
  readonly reportingInstance: string;
  /** Events in a burst; further ones are dropped until the refill allows them. 50 by default. */
  readonly burst?: number;
  /** One Event more in so many milliseconds. 200 by default. */
  readonly refillMs?: number;
}

export interface EventRecorderDependencies {
  readonly clock: Clock;
  /** One API write. */
  readonly create: (event: Event) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

/** The API server takes Events about cluster-scoped objects in this namespace only. */
const clusterScopedNamespace = 'default';

/** Writes under way, so that a server which is slow to take Events has connections left for all else. */
const writesAtOnce = 4;
/** Events that wait for that; further ones are dropped. */
const mostWaiting = 50;

/** Remembered so that a reconcile that repeats itself writes nothing. */
const rememberedEvents = 2048;

/**
 * Tells people what happened to an object. An Event is named after its content, so that neither a retry nor another
 * leader says it twice. Never waited for, and dropped under load: the conditions say the same.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #deps: EventRecorderDependencies;
  readonly #bucket: TokenBucket;
  readonly #writes = new Gate({ atOnce: writesAtOnce });
  /** Insertion order is age. */
  readonly #recent = new Set<string>();

  constructor(options: EventRecorderOptions, deps: EventRecorderDependencies) {
    this.#options = options;
    this.#deps = deps;
    this.#bucket = new TokenBucket(
      { burst: options.burst ?? 50, refillMs: options.refillMs ?? 200 },
      deps.clock,
    );
  }

  record(about: KubeObject, kind: string, type: EventType, reason: string, note: string): void {
    const event = this.#event(about, kind, type, reason, eventNote(note));
    const name = event.metadata.name ?? '';
    if (this.#recent.has(name) || this.#writes.waiting >= mostWaiting || !this.#bucket.take()) return;
    this.#remember(name);
    this.#writes.run(() => this.#deps.create(event)).catch(this.#deps.onError);
  }

  #event(about: KubeObject, kind: string, type: EventType, reason: string, note: string): Event {
    const { name = '', namespace, uid = '' } = about.metadata;
    const { reportingController, reportingInstance } = this.#options;
    const content = createHash('sha256')
      .update(`${uid}\n${type}\n${reason}\n${note}`)
      .digest('hex')
      .slice(0, 16);
    return {
      metadata: { name: eventName(name, content), namespace: namespace ?? clusterScopedNamespace },
      eventTime: new Date(this.#deps.clock.now()).toISOString().replace('Z', '000Z'),
      reportingController,
      reportingInstance,
      action: reason,
      reason,
      note,
      type,
      regarding: {
        apiVersion: about.apiVersion ?? 'cert-manager.io/v1',
        kind,
        name,
        ...(namespace !== undefined && { namespace }),
        uid,
      },
    };
  }

  #remember(name: string): void {
    this.#recent.add(name);
    if (this.#recent.size <= rememberedEvents) return;
    const [oldest] = this.#recent;
    if (oldest !== undefined) this.#recent.delete(oldest);
  }
}

/** A DNS subdomain of at most 253 characters. Names of some kinds, such as CertificateSigningRequest, need not be one. */
function eventName(about: string, content: string): string {
  const name = about.slice(0, 230).replace(/[-.]+$/, '');
  return subdomain.test(name) ? `${name}.${content}` : content;
}

const subdomain = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
