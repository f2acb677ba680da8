import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { watchRequests } from '../../../src/driver/node-watches.ts';
import type { KubeClient, KubeObject, ListQuery, Resource } from '../../../src/kube/index.ts';
import { silentLogger } from '../../../src/runtime/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { driverName, nodeName } from './support/builders.ts';
import { quiet } from './support/test-node.ts';

describe('the watch of the requests of a node', () => {
  it('never holds more than fifty whole ones at once', async () => {
    const asked: ListQuery[] = [];
    const resource: Pick<Resource<KubeObject>, 'list' | 'watch'> = {
      list: async (query) => {
        asked.push(query ?? {});
        return { metadata: { resourceVersion: '1' }, items: [] };
      },
      watch: () => new Promise(() => {}),
    };
    const client = { resource: () => resource } as unknown as KubeClient;
    const clock = new FakeClock();
    const abort = new AbortController();
    const reflector = watchRequests(
      { nodeId: nodeName, driverName },
      { client, clock, random: () => 0, log: silentLogger },
    );
    void reflector.run(abort.signal);
    await quiet();
    abort.abort();
    assert.deepEqual(
      asked.map(({ labelSelector, limit }) => [labelSelector, limit]),
      [['csi.certmount.io/node=node-1,csi.certmount.io/driver=csi.certmount.io', 50]],
    );
  });
});
