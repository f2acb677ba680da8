import type {
  CertificateRequest,
  CertificateRequestStatus,
} from '../../../../src/api/certificate-request.ts';
import { certificateRequests } from '../../../../src/api/certificate-request.ts';
import { abortable } from '../../../../src/driver/volume/abortable.ts';
import { type Clock, KubeError, keyText, keyTextOf, type ObjectKey } from '../../../../src/kube/index.ts';
import type { CallOptions, KubeList, Resource, WatchEvent } from '../../../../src/kube/index.ts';

export type Answer = (request: CertificateRequest) => Promise<CertificateRequestStatus | undefined>;

type Watcher = {
  readonly onEvent: (event: WatchEvent<CertificateRequest>) => void;
  readonly end: (error: Error) => void;
};

/** An API server that only knows CertificateRequests, and a controller that answers them. */
export class FakeApi implements Pick<
  Resource<CertificateRequest>,
  'create' | 'delete' | 'list' | 'watch' | 'type'
> {
  readonly type = certificateRequests;
  /** Everything ever created, in order. */
  readonly created: CertificateRequest[] = [];
  readonly deleted: string[] = [];
  /** What the controller makes of a new request; undefined leaves it as it is. */
  answer: Answer;
  /** Runs before a create is taken; for failures and delays. */
  beforeCreate: ((request: CertificateRequest) => Promise<void>) | undefined;
  /** Runs when a create has been taken and its answer is on the way. */
  afterCreate: (() => Promise<void>) | undefined;
  readonly #objects = new Map<string, CertificateRequest>();
  readonly #watchers = new Set<Watcher>();
  readonly #clock: Clock;
  readonly #history: { readonly version: number; readonly event: WatchEvent<CertificateRequest> }[] = [];
  #version = 1;
  #down = false;

  constructor(clock: Clock, answer: Answer) {
    this.#clock = clock;
    this.answer = answer;
  }

  get requests(): CertificateRequest[] {
    return [...this.#objects.values()];
  }

  get names(): string[] {
    return this.requests.map((request) => request.metadata.name ?? '');
  }

  goDown(): void {
    this.#down = true;
    for (const watcher of this.#watchers) watcher.end(new KubeError('unavailable', 'connection closed'));
  }

  comeBack(): void {
    this.#down = false;
  }

  async create(object: CertificateRequest, options: CallOptions = {}): Promise<CertificateRequest> {
    const { signal = new AbortController().signal } = options;
    await abortable(this.beforeCreate?.(object) ?? Promise.resolve(), signal).catch((error: unknown) => {
      throw signal.aborted ? new KubeError('aborted', 'POST: aborted', { cause: signal.reason }) : error;
    });
    this.#checkUp('POST');
    const key = keyTextOf(object);
    if (this.#objects.has(key)) throw new KubeError('already-exists', `POST: ${key} exists`, { status: 409 });
    const stored = structuredClone(object);
    stored.metadata = {
      ...stored.metadata,
      uid: `uid-${this.#version}`,
      creationTimestamp: new Date(this.#clock.now()).toISOString(),
    };
    this.#put(stored, 'ADDED');
    this.created.push(structuredClone(stored));
    await this.afterCreate?.();
    void this.#answerLater(key);
    return structuredClone(stored);
  }

  async delete(key: ObjectKey): Promise<void> {
    this.#checkUp('DELETE');
    const text = keyText(key);
    const object = this.#objects.get(text);
    if (object === undefined) throw new KubeError('not-found', `DELETE: ${text}`, { status: 404 });
    this.#objects.delete(text);
    this.deleted.push(text);
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    this.#tell('DELETED', { ...object, metadata });
  }

  async list(): Promise<KubeList<CertificateRequest>> {
    this.#checkUp('LIST');
    return { metadata: { resourceVersion: String(this.#version) }, items: structuredClone(this.requests) };
  }

  watch(
    query: { readonly resourceVersion?: string | undefined },
    onEvent: (event: WatchEvent<CertificateRequest>) => void,
    options: { readonly signal: AbortSignal; readonly onOpen?: (() => void) | undefined },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#down) return reject(new KubeError('unavailable', 'WATCH: connection refused'));
      const watcher: Watcher = {
        onEvent,
        end: (error) => {
          this.#watchers.delete(watcher);
          reject(error);
        },
      };
      this.#watchers.add(watcher);
      options.signal.addEventListener('abort', () => {
        this.#watchers.delete(watcher);
        resolve();
      });
      options.onOpen?.();
      for (const { event, version } of this.#history) {
        if (version > Number(query.resourceVersion ?? 0)) onEvent(structuredClone(event));
      }
    });
  }

  /** Gives a request its status, as a controller or an approver does. */
  setStatus(name: string, status: CertificateRequestStatus): void {
    const object = this.requests.find((request) => request.metadata.name === name);
    if (object === undefined) throw new Error(`no request ${name}`);
    this.#put({ ...object, status }, 'MODIFIED');
  }

  async #answerLater(key: string): Promise<void> {
    const request = this.#objects.get(key);
    const status = request && (await this.answer(request));
    const present = this.#objects.get(key);
    if (status !== undefined && present !== undefined) this.#put({ ...present, status }, 'MODIFIED');
  }

  #put(object: CertificateRequest, type: 'ADDED' | 'MODIFIED'): void {
    this.#version += 1;
    object.metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    this.#objects.set(keyTextOf(object), object);
    this.#tell(type, object);
  }

  #tell(type: WatchEvent<CertificateRequest>['type'], object: CertificateRequest): void {
    this.#history.push({ version: this.#version, event: { type, object: structuredClone(object) } });
    for (const watcher of this.#watchers) watcher.onEvent({ type, object: structuredClone(object) });
  }

  #checkUp(verb: string): void {
    if (this.#down) throw new KubeError('unavailable', `${verb}: connection refused`);
  }
}
