import type { Service } from '../../../api/core.ts';
import { sleep } from '../../../kube/index.ts';
import type { Clock, KubeList } from '../../../kube/index.ts';

export interface LiveServicesDependencies {
  readonly clock: Clock;
  /** One API read. */
  readonly list: (
    namespace: string,
    page: { readonly limit: number; readonly continue?: string },
  ) => Promise<Pick<KubeList<Service>, 'items' | 'metadata'>>;
}

const pageSize = 500;
/** Of 10,000 services nobody waits for more: their names are allowed by what the watch says. */
const mostPages = 20;
/** From the end of a list to the start of the next: short, because whoever waits holds a worker. */
const shortestRestMs = 100;
const longestRestMs = 1_000;
/** A list may take a fifth of the time. */
const restsOfList = 4;

interface Turn {
  /** Resolves when the next list may start. */
  readonly over: Promise<void>;
  next?: Promise<readonly Service[]>;
}

/**
 * The services of a namespace as they are now. However many requests somebody has denied, there is one list at a time in a
 * namespace, with a rest after it: who asks meanwhile shares the next list, since the one under way may be older than the
 * service that is looked for.
 */
export class LiveServices {
  readonly #deps: LiveServicesDependencies;
  readonly #turns = new Map<string, Turn>();

  constructor(deps: LiveServicesDependencies) {
    this.#deps = deps;
  }

  of(namespace: string): Promise<readonly Service[]> {
    const turn = this.#turns.get(namespace);
    if (!turn) return this.#start(namespace);
    turn.next ??= turn.over.then(() => this.#start(namespace));
    return turn.next;
  }

  #start(namespace: string): Promise<readonly Service[]> {
    const list = this.#list(namespace);
    const turn: Turn = { over: this.#rest(list) };
    this.#turns.set(namespace, turn);
    void turn.over.then(() => {
      if (!turn.next) this.#turns.delete(namespace);
    });
    return list;
  }

  async #rest(list: Promise<unknown>): Promise<void> {
    const { clock } = this.#deps;
    const startedAt = clock.now();
    await list.catch(() => {});
    const restMs = (clock.now() - startedAt) * restsOfList;
    await sleep(clock, Math.min(longestRestMs, Math.max(shortestRestMs, restMs)));
  }

  async #list(namespace: string): Promise<readonly Service[]> {
    const found: Service[] = [];
    let from: string | undefined;
    for (let page = 0; page < mostPages; page++) {
      const { items, metadata } = await this.#deps.list(namespace, {
        limit: pageSize,
        ...(from !== undefined && { continue: from }),
      });
      found.push(...items);
      from = metadata.continue;
      if (from === undefined || from === '') break;
    }
    return found;
  }
}
