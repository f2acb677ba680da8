import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { CertificateRequest } from '../../../../../src/api/certificate-request.ts';
import { RequestJanitor } from '../../../../../src/driver/volume/issuance/request-janitor.ts';
import { requestObject } from '../../../../../src/driver/volume/issuance/request-object.ts';
import { KubeError, Reflector } from '../../../../../src/kube/index.ts';
import { silentLogger } from '../../../../../src/runtime/log.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';
import { minute, driverName, nodeName, specOf } from '../../support/builders.ts';
import { FakeApi } from '../../support/fake-api.ts';
import { quiet } from '../../support/test-node.ts';

let clock: FakeClock;
let api: FakeApi;
let needed: Set<string>;
let deleted: string[];
let janitor: RequestJanitor;
let stop: AbortController;

beforeEach(() => {
  clock = new FakeClock();
  api = new FakeApi(clock, async () => undefined);
  needed = new Set();
  deleted = [];
  stop = new AbortController();
});
afterEach(() => stop.abort());

async function start(): Promise<void> {
  const random = (): number => 0;
  const reflector = new Reflector({ resource: api }, { clock, random });
  janitor = new RequestJanitor(
    { workers: 2 },
    {
      reflector,
      requests: api,
      clock,
      random,
      log: silentLogger,
      isNeeded: (_volumeId, _namespace, request) => needed.has(request),
      onDeleted: (volumeId, _namespace, request) => deleted.push(`${volumeId} ${request}`),
    },
  );
  void reflector.run(stop.signal);
  void janitor.run(stop.signal);
  await quiet();
}

function requestOf(name: string): CertificateRequest {
  return requestObject(specOf(), { driverName, nodeName, name, signingRequest: '', requester: undefined });
}

describe('the janitor of requests', () => {
  it('deletes at its start what no volume needs, and nothing else', async () => {
    for (const name of ['needed', 'old', 'older']) await api.create(requestOf(name));
    const foreign = requestOf('foreign');
    delete foreign.metadata.annotations;
    await api.create(foreign);
    needed.add('needed');
    await start();
    assert.deepEqual(api.names, ['needed', 'foreign']);
    assert.deepEqual(deleted.toSorted(), ['csi-1 old', 'csi-1 older']);
  });

  it('asks once for what it may not delete', async () => {
    await api.create(requestOf('forbidden'));
    let asked = 0;
    const remove = api.delete.bind(api);
    api.delete = async () => {
      asked += 1;
      throw new KubeError('forbidden', 'DELETE: not of this node', { status: 403 });
    };
    await start();
    for (let time = 0; time < 30; time++) {
      await clock.advance(minute);
      await quiet();
    }
    assert.equal(asked, 1);
    api.delete = remove;
    janitor.release('web', 'forbidden');
    await quiet();
    assert.deepEqual(api.names, [], 'and again when a volume lets go of it');
  });

  it('deletes what is released', async () => {
    needed.add('a');
    await start();
    await api.create(requestOf('a'));
    await quiet();
    assert.deepEqual(api.names, ['a']);
    needed.delete('a');
    janitor.release('web', 'a');
    await quiet();
    assert.deepEqual(api.names, []);
  });

  it('deletes what was released before it was seen', async () => {
    await start();
    janitor.release('web', 'late');
    await quiet();
    await api.create(requestOf('late'));
    await quiet();
    assert.deepEqual(api.names, []);
  });

  it('tries again later what the API server cannot take', async () => {
    needed.add('a');
    await start();
    await api.create(requestOf('a'));
    await quiet();
    needed.delete('a');
    api.goDown();
    janitor.release('web', 'a');
    await quiet();
    api.comeBack();
    assert.deepEqual(api.names, ['a']);
    await clock.advance(minute);
    await quiet();
    assert.deepEqual(api.names, []);
  });

  it('is content when somebody else deleted it', async () => {
    needed.add('a');
    await start();
    await api.create(requestOf('a'));
    await quiet();
    await api.delete({ namespace: 'web', name: 'a' });
    janitor.release('web', 'a');
    await quiet();
    assert.deepEqual(deleted, ['csi-1 a']);
    await clock.advance(10 * minute);
    assert.deepEqual(api.deleted, ['web/a']);
  });
});
