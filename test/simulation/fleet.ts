import type { VolumeSource } from '../../src/driver/volume/volumes.ts';
import type { WatchQuery } from '../../src/kube/index.ts';
import { renewalSpread } from '../../src/driver/volume/renewal/renewal-spread.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { Authority, newKey } from '../unit/driver/support/authority.ts';
import { sourceOf } from '../unit/driver/support/builders.ts';
import { type TestDriver, TestNode } from '../unit/driver/support/test-node.ts';

export interface FleetOptions {
  readonly nodes: number;
  readonly volumesPerNode: number;
  /** The attribute, for example `24h`. */
  readonly duration: string;
  readonly keepIssuedRequests: boolean;
  readonly seed: number;
}

/** API calls that the fleet has caused, by kind. */
export interface Calls {
  readonly creates: number;
  /** The controller's, one a certificate. */
  readonly statusWrites: number;
  readonly deletes: number;
  readonly lists: number;
  readonly watches: number;
}

interface Node {
  readonly host: TestNode;
  driver: TestDriver;
  readonly sources: readonly VolumeSource[];
}

/** Nodes with the real driver code, one clock and an API server that counts. */
export class Fleet implements Disposable {
  readonly clock: FakeClock;
  readonly #nodes: readonly Node[];
  readonly #lists: { lists: number; watches: number };

  private constructor(clock: FakeClock, nodes: readonly Node[], counted: { lists: number; watches: number }) {
    this.clock = clock;
    this.#nodes = nodes;
    this.#lists = counted;
  }

  static async create(options: FleetOptions): Promise<Fleet> {
    const clock = new FakeClock();
    const authority = await Authority.create(clock.now());
    const random = seededRandom(options.seed);
    const counted = { lists: 0, watches: 0 };
    const nodes: Node[] = [];
    for (let index = 0; index < options.nodes; index++) {
      const host = await TestNode.create({ authority, clock });
      host.concurrentRenewals = 32;
      host.keepIssuedRequests = options.keepIssuedRequests;
      host.random = random;
      host.renewalSpread = renewalSpread;
      const { api } = host;
      const { list, watch } = api;
      api.list = () => {
        counted.lists += 1;
        return list.call(api);
      };
      // The server ends a watch after the time that the client asks for.
      api.watch = async (query: WatchQuery, onEvent, callOptions) => {
        counted.watches += 1;
        const end = new AbortController();
        const timer = clock.setTimer(() => end.abort(), (query.timeoutSeconds ?? 0) * 1000);
        const signal = AbortSignal.any([callOptions.signal, end.signal]);
        await watch.call(api, query, onEvent, { ...callOptions, signal }).finally(() => timer.cancel());
      };
      const sources = Array.from({ length: options.volumesPerNode }, (_, volume) =>
        sourceOf(host.targetOf(`csi-${volume}`), { duration: options.duration }, `csi-${volume}`),
      );
      nodes.push({ host, driver: await host.start(), sources });
    }
    return new Fleet(clock, nodes, counted);
  }

  /** Every pod starts at a moment of its own within the time. */
  async publishOver(ms: number): Promise<void> {
    const calls = this.#nodes.flatMap((node) => node.sources.map((source) => ({ node, source })));
    const step = ms / calls.length;
    for (const { node, source } of interleaved(calls)) {
      const published = node.driver.publish(source);
      await until(published);
      await this.clock.advance(step);
    }
  }

  /** Time passes in steps; what each step starts is done before the next. */
  async pass(ms: number, stepMs: number): Promise<Calls[]> {
    const steps: Calls[] = [];
    for (let passed = 0; passed < ms; passed += stepMs) {
      const before = this.calls();
      await this.clock.advance(stepMs);
      await quiet();
      steps.push(difference(this.calls(), before));
    }
    return steps;
  }

  /** Each driver is stopped and started anew, one node after the other. */
  async restartDrivers(): Promise<void> {
    for (const node of this.#nodes) {
      await node.driver.stop();
      node.driver = await node.host.start();
    }
  }

  goDown(): void {
    for (const { host } of this.#nodes) host.api.goDown();
  }

  comeBack(): void {
    for (const { host } of this.#nodes) host.api.comeBack();
  }

  calls(): Calls {
    const creates = sum(this.#nodes, ({ host }) => host.api.created.length);
    const deletes = sum(this.#nodes, ({ host }) => host.api.deleted.length);
    return { creates, statusWrites: creates, deletes, ...this.#lists };
  }

  /** CertificateRequests that the API server stores. */
  get stored(): number {
    return sum(this.#nodes, ({ host }) => host.api.requests.length);
  }

  /** Volumes whose certificate has expired. */
  get expired(): number {
    return sum(
      this.#nodes,
      ({ driver }) =>
        [...driver.volumes.all()].filter(
          (volume) => 'generation' in volume && volume.generation.notAfter <= this.clock.now(),
        ).length,
    );
  }

  [Symbol.dispose](): void {
    for (const { host } of this.#nodes) host[Symbol.dispose]();
  }
}

export function total(steps: readonly Calls[]): Calls {
  return steps.reduce(
    (all, step) => ({
      creates: all.creates + step.creates,
      statusWrites: all.statusWrites + step.statusWrites,
      deletes: all.deletes + step.deletes,
      lists: all.lists + step.lists,
      watches: all.watches + step.watches,
    }),
    { creates: 0, statusWrites: 0, deletes: 0, lists: 0, watches: 0 },
  );
}

function difference(later: Calls, earlier: Calls): Calls {
  return {
    creates: later.creates - earlier.creates,
    statusWrites: later.statusWrites - earlier.statusWrites,
    deletes: later.deletes - earlier.deletes,
    lists: later.lists - earlier.lists,
    watches: later.watches - earlier.watches,
  };
}

function sum<T>(items: readonly T[], valueOf: (item: T) => number): number {
  return items.reduce((all, item) => all + valueOf(item), 0);
}

/** Round robin over the nodes, whose pods do not start node by node. */
function interleaved<T>(items: readonly T[]): readonly T[] {
  const stride = 7919;
  return items.map((_, index) => items[(index * stride) % items.length] as T);
}

/** Keys and signatures come from the thread pool: until nothing is started any more. */
async function quiet(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (let turn = 0; turn < 4; turn++) await settle();
    await newKey();
  }
  for (let turn = 0; turn < 4; turn++) await settle();
}

async function until(done: Promise<void>): Promise<void> {
  await done;
  await settle();
}

/** mulberry32: the same run each time. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
