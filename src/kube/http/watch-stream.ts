import type { IncomingMessage } from 'node:http';
import type { Timer, Clock } from '../clock.ts';
import { KubeError, statusError, type Status } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import { LineSplitter } from './line-splitter.ts';

export interface WatchEvent<T extends KubeObject> {
  /** A BOOKMARK has nothing but metadata.resourceVersion. */
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

export interface WatchStreamOptions {
  /** For messages: method and path. */
  readonly call: string;
  /** Nothing for so long means that the connection is dead, whatever TCP thinks of it. */
  readonly inactivityMs: number;
}

/** etcd takes 1.5 MiB a value, JSON of it can be several times that. */
const maxEventBytes = 8 * 1024 * 1024;

/**
 * Reads the events of a watch until the server ends it. Rejects on an ERROR event, a broken or silent connection, and
 * with what onEvent throws.
 */
export function readWatch<T extends KubeObject>(
  response: IncomingMessage,
  options: WatchStreamOptions,
  onEvent: (event: WatchEvent<T>) => void,
  deps: { clock: Clock },
): Promise<void> {
  const { call, inactivityMs } = options;
  return new Promise((resolve, reject) => {
    let heardAt = 0;
    let silence: Timer;
    const finish = (settle: () => void): void => {
      silence.cancel();
      response.removeAllListeners('data');
      settle();
    };
    const fail = (error: unknown): void => {
      finish(() => reject(error));
      response.destroy();
    };
    // One timer that re-arms itself costs nothing per chunk, where cancelling and setting one would.
    const listen = (): void => {
      const heard = heardAt;
      silence = deps.clock.setTimer(() => {
        if (heard !== heardAt) {
          listen();
          return;
        }
        fail(new KubeError('timeout', `${call}: nothing was heard for ${inactivityMs / 1000} s`));
      }, inactivityMs);
    };
    const lines = new LineSplitter(maxEventBytes, (line) => onEvent(parseEvent<T>(line, call)));
    listen();
    response.on('data', (chunk: Buffer) => {
      heardAt += 1;
      try {
        lines.push(chunk);
      } catch (error) {
        fail(error);
      }
    });
    response.once('end', () => finish(resolve));
    response.once('error', (error) => {
      finish(() =>
        reject(new KubeError('unavailable', `${call}: the connection was lost`, { cause: error })),
      );
    });
  });
}

function parseEvent<T extends KubeObject>(line: string, call: string): WatchEvent<T> {
  let event: { type: string; object: T };
  try {
    event = JSON.parse(line) as { type: string; object: T };
  } catch {
    // Not as the cause: V8 quotes the text in its message, and it may be a Secret.
    throw new KubeError('internal', `${call}: an event is not JSON`);
  }
  if (event.type === 'ERROR') {
    const status = event.object as unknown as Status;
    throw statusError(call, status, status.code ?? 500);
  }
  return event as WatchEvent<T>;
}
