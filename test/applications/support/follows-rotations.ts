import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';
import { Authority } from '../../unit/driver/support/authority.ts';
import { eventually } from '../../support/eventually.ts';
import type { Application } from './application.ts';
import type { Obtained } from './obtain.ts';
import { probe } from './probe.ts';
import { Traffic } from './traffic.ts';

export interface FollowsRotationsOptions<T> {
  /** Without it the tests are skipped. */
  readonly program: Obtained<T>;
  readonly start: (found: T) => Promise<Application>;
}

/** Common name of the clients: the database user of PostgreSQL's example. */
const client = 'postgres';
/** The longest that a new certificate may take to show. */
const withinMs = 5_000;
/** A compiler may be part of it. */
const startOptions = { timeout: 180_000 };
const rotations = 4;
const burst = 20;
const burstPauseMs = 50;

/** The tests that every application passes, for use in a `describe`: one server for all, connected to without end. */
export function followsRotations<T>({ program, start }: FollowsRotationsOptions<T>): void {
  const options = { skip: 'obstacle' in program ? program.obstacle : false, timeout: 30_000 };
  let application: Application;
  let traffic: Traffic;

  before(async () => {
    if ('obstacle' in program) return;
    application = await start(program.found);
    const credentials = await application.volume.client(client);
    await application.program.serving(application.endpoint, credentials);
  }, startOptions);
  after(() => application?.remove());
  afterEach(() => traffic?.end());

  it(`serves each new certificate within ${withinMs / 1000} s`, options, async () => {
    const { endpoint, volume } = application;
    traffic = new Traffic(endpoint, await volume.client(client));
    let serial = '';
    for (let rotation = 0; rotation < rotations; rotation += 1) {
      serial = await volume.rotate();
      await traffic.meets(serial, withinMs);
    }
    await allIsWell(serial);
  });

  it('ends with the last certificate of many in a row', options, async () => {
    const { endpoint, volume } = application;
    traffic = new Traffic(endpoint, await volume.client(client));
    let last = '';
    for (let rotation = 0; rotation < burst; rotation += 1) {
      last = await volume.rotate();
      await pause(burstPauseMs);
    }
    await traffic.meets(last, withinMs);
    await allIsWell(last);
  });

  it('trusts a new authority when the volume names it, beside the old one', options, async () => {
    const { endpoint, volume } = application;
    const successor = await Authority.create(Date.now(), 'second authority');
    const early = await volume.client(client, successor);
    const old = await volume.client(client);
    await assert.rejects(probe(endpoint, early), 'a client of an authority that nobody has named');
    volume.succeed(successor);
    const serial = await volume.rotate();
    // A server may take up its anchors a moment before its certificate, as Envoy does with two resources.
    const isServed = async (): Promise<boolean | undefined> =>
      (await probe(endpoint, early)) === serial || undefined;
    await eventually('the new client to be served by the new certificate', isServed, withinMs);
    traffic = new Traffic(endpoint, { ...old, ca: early.ca });
    await traffic.meets(serial, withinMs);
    await allIsWell(serial);
  });

  /** After some more connections, which would meet a server that goes back and forth. */
  async function allIsWell(serial: string): Promise<void> {
    await traffic.goesOn(10);
    await traffic.end();
    assert.equal(traffic.serials.at(-1), serial);
    assert.deepEqual(traffic.failures, [], application.program.log);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
