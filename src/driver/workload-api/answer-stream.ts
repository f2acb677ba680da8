import type { ServerWritableStream } from '@grpc/grpc-js';
import type { Answer, Svid, SvidState } from './svid.ts';

export interface AnswerStreamDependencies<Response> {
  readonly call: ServerWritableStream<unknown, Response>;
  readonly render: (svid: Svid) => Answer<Response>;
  /** What the volume has at this moment. */
  readonly read: () => SvidState;
}

/**
 * One open call. A client that reads slowly has one answer on its way to it, and when it has taken that gets what is there by
 * then: what lay between is of no use to anybody.
 */
export class AnswerStream<Response> {
  readonly #deps: AnswerStreamDependencies<Response>;
  #sent: string | undefined;
  #isWriting = false;
  #isBehind = false;

  constructor(_options: Record<never, never>, dependencies: AnswerStreamDependencies<Response>) {
    this.#deps = dependencies;
  }

  /** Sends what the volume has, unless the client knows it. */
  offer(state: SvidState): void {
    const { call, render } = this.#deps;
    if (this.#isWriting) {
      this.#isBehind = true;
      return;
    }
    if (state.state === 'awaited') return;
    if (state.state === 'refused') {
      call.emit('error', { code: state.code, details: state.details });
      return;
    }
    const { response, version } = render(state.svid);
    if (version === this.#sent) return;
    this.#sent = version;
    this.#isWriting = true;
    // Called back when the client's window has taken it.
    call.write(response, (error?: Error | null) => {
      if (error == null) this.#written();
    });
  }

  #written(): void {
    this.#isWriting = false;
    if (!this.#isBehind) return;
    this.#isBehind = false;
    this.offer(this.#deps.read());
  }
}
