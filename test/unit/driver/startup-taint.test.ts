import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Node, Taint } from '../../../src/api/core.ts';
import { StartupTaint, type StartupTaintDependencies } from '../../../src/driver/startup-taint.ts';
import { KubeError } from '../../../src/kube/index.ts';
import { silentLogger } from '../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const ours: Taint = { key: 'certmount.io/agent-not-ready', effect: 'NoExecute' };
const another: Taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' };

let clock: FakeClock;
let node: Node;
let patches: number;
/** Thrown by the next calls, one each. */
let failures: Error[];
/** Runs between the read and the write. */
let meanwhile: () => void;
let log: string[];
let stop: AbortController;
let taint: StartupTaint;
let newTaint: () => StartupTaint;

beforeEach(() => {
  clock = new FakeClock();
  node = { metadata: { name: 'node-1', resourceVersion: '1' }, spec: { taints: [another, ours] } };
  patches = 0;
  failures = [];
  meanwhile = () => {};
  log = [];
  stop = new AbortController();
  const failNext = (): void => {
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
  };
  const nodes: StartupTaintDependencies['nodes'] = {
    get: async ({ name }) => {
      failNext();
      assert.equal(name, 'node-1');
      return structuredClone(node);
    },
    patch: async (_key, body) => {
      meanwhile();
      failNext();
      patches += 1;
      const { metadata, spec } = body as Node;
      if (metadata.resourceVersion !== node.metadata.resourceVersion) throw new KubeError('conflict', '409');
      change(spec.taints);
      return node;
    },
  };
  const note = (_fields: object, message: string): void => void log.push(message);
  newTaint = () =>
    new StartupTaint(
      { nodeName: 'node-1' },
      { nodes, clock, random: () => 0, log: { ...silentLogger, info: note, warn: note } },
    );
  taint = newTaint();
});

function change(taints: Taint[] | undefined): void {
  const resourceVersion = String(Number(node.metadata.resourceVersion) + 1);
  node = { metadata: { name: 'node-1', resourceVersion }, spec: taints === undefined ? {} : { taints } };
}

describe('the startup taint', () => {
  it('is removed, whatever its effect, and no other', async () => {
    node.spec.taints = [ours, another, { ...ours, effect: 'NoSchedule' }];
    await taint.remove(stop.signal);
    assert.deepEqual(node.spec.taints, [another]);
    assert.deepEqual(log, ['removed the startup taint of the node']);
  });

  it('is no matter when it is not there', async () => {
    for (const taints of [[another], [], undefined]) {
      change(taints);
      await newTaint().remove(stop.signal);
    }
    assert.equal(patches, 0);
    assert.deepEqual(log, []);
  });

  it('is removed once: somebody who puts it back means it', async () => {
    await taint.remove(stop.signal);
    change([ours]);
    await taint.remove(stop.signal);
    assert.deepEqual(node.spec.taints, [ours]);
  });

  it('takes no taint along that came meanwhile', async () => {
    const cordon: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
    meanwhile = () => {
      meanwhile = () => {};
      change([another, ours, cordon]);
    };
    const removed = taint.remove(stop.signal);
    await settle();
    await clock.advance(500);
    await removed;
    assert.deepEqual(node.spec.taints, [another, cordon]);
    assert.deepEqual(log, ['removed the startup taint of the node'], 'a conflict is nothing to tell');
  });

  it('is tried again, ever later, until the API server takes it', async () => {
    failures = [1, 2, 3].map(() => new KubeError('unavailable', 'away'));
    const removed = taint.remove(stop.signal);
    for (const waitMs of [500, 1_000, 2_000]) {
      await settle();
      assert.equal(clock.nextInMs, waitMs);
      await clock.advance(waitMs);
    }
    await removed;
    assert.deepEqual(node.spec.taints, [another]);
    assert.equal(log.filter((line) => line === 'the startup taint could not be removed').length, 3);
  });

  it('is left when the driver ends first, with no timer', async () => {
    failures = Array.from({ length: 9 }, () => new KubeError('forbidden', 'no'));
    const removed = taint.remove(stop.signal);
    await settle();
    stop.abort();
    await removed;
    assert.equal(clock.pending, 0);
    assert.equal(patches, 0);
  });
});
