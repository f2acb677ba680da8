import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { startControlPlane } from '../cluster/control-plane.ts';
import { waitUntil } from '../cluster/process/managed-process.ts';
import { isRunning } from '../cluster/process/process-table.ts';
import { ClusterRecord } from '../cluster/record/cluster-record.ts';
import { sweep } from '../cluster/record/remove-cluster.ts';
import { assertNothingLeft, processesOf, startRun, temporaryRoot } from './support.ts';

const withNode = process.getuid?.() === 0;

describe(`a run that is killed with its cluster up${withNode ? ', a node in it' : ''}`, () => {
  const { root, remove } = temporaryRoot();

  it('leaves no process behind, and the next start removes the rest', async () => {
    const run = await startRun(root, withNode);
    const { state } = ClusterRecord.open(run.dir);
    const processes = processesOf(state);
    await run.kill('SIGKILL');
    await waitUntil(() => !processes.some(isRunning), { what: 'the processes to end', timeoutMs: 20_000 });
    assert.ok(existsSync(run.dir));

    await using next = await startControlPlane({ root, controllerManager: false });
    assert.ok(next.server);
    assertNothingLeft(run.dir, state, processes);
  });

  it('takes everything down itself on SIGTERM', async () => {
    const run = await startRun(root, withNode);
    const { state } = ClusterRecord.open(run.dir);
    const processes = processesOf(state);
    await run.kill('SIGTERM');
    assertNothingLeft(run.dir, state, processes);
  });

  it('is not swept while its owner lives', async () => {
    await using controlPlane = await startControlPlane({ root, controllerManager: false });
    assert.deepEqual(sweep(root), []);
    await controlPlane.kubectl(['get', 'namespaces']);
  });

  it('leaves a root that can be removed', () => {
    remove();
  });
});

describe('a cluster that was left running', () => {
  it('is not swept, and goes when it is taken down', async () => {
    const { root, remove } = temporaryRoot();
    const controlPlane = await startControlPlane({ root, controllerManager: false, detached: true });
    const { state } = ClusterRecord.open(controlPlane.dir);
    assert.equal(state.owner, undefined);
    assert.deepEqual(sweep(root), []);
    await controlPlane.stop();
    assertNothingLeft(controlPlane.dir, state, Object.values(state.processes));
    remove();
  });
});
