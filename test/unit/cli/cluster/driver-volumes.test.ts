import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Cluster, type ContainerRef, ExecError } from '../../../../src/cli/cluster/cluster.ts';
import { askDriver } from '../../../../src/cli/cluster/driver-volumes.ts';
import { Collector, upgradeError } from '../../../../src/cli/cluster/pod-exec.ts';
import { KubeError, type ListQuery } from '../../../../src/kube/index.ts';
import { podWith } from '../support/builders.ts';

const flags = { driverNamespace: 'certmount', driverSelector: 'app=driver' };
const driver = {
  metadata: { namespace: 'certmount', name: 'driver-x' },
  spec: {
    containers: [
      { name: 'other', args: ['serve'] },
      {
        name: 'driver',
        command: ['node', '--max-old-space-size=64', '/certmount.mjs'],
        args: ['driver', '--node-id=n', '--endpoint=unix:///csi/csi.sock', '--state-dir', '/state'],
      },
    ],
  },
};

interface Options {
  readonly drivers?: readonly object[] | KubeError;
  readonly exec?: () => Promise<string>;
  readonly node?: string | undefined;
}

async function ask(options: Options = {}) {
  const { drivers = [driver], exec = () => Promise.resolve('{"version":1,"volumes":[{"volumeId":"v"}]}') } =
    options;
  const seen: { query?: ListQuery; container?: ContainerRef; command?: readonly string[] } = {};
  const list = (query: ListQuery): Promise<unknown> => {
    seen.query = query;
    return drivers instanceof Error
      ? Promise.reject(drivers)
      : Promise.resolve({ items: drivers, metadata: {} });
  };
  const cluster = {
    client: { resource: () => ({ list }) },
    exec: (container: ContainerRef, command: readonly string[]) => {
      Object.assign(seen, { container, command });
      return exec();
    },
  } as unknown as Cluster;
  const pod = podWith([], { nodeName: 'node' in options ? options.node : 'node-1' } as object);
  return { answer: await askDriver(pod, flags, cluster, new AbortController().signal), seen };
}

describe('asking the driver of a node', () => {
  it('asks the one that stays, where another one ends beside it', async () => {
    const ending = { ...driver, metadata: { name: 'driver-old', deletionTimestamp: '2026-11-22T12:00:00Z' } };
    const { seen } = await ask({ drivers: [ending, driver] });
    assert.equal(seen.container?.pod, 'driver-x');
  });

  it('runs its own program in its own container, with its own folders', async () => {
    const { answer, seen } = await ask();
    assert.deepEqual(answer, { known: true, volumes: [{ volumeId: 'v' }] });
    assert.deepEqual(seen.query, {
      namespace: 'certmount',
      labelSelector: 'app=driver',
      fieldSelector: 'spec.nodeName=node-1,status.phase=Running',
    });
    assert.deepEqual(seen.container, { namespace: 'certmount', pod: 'driver-x', container: 'driver' });
    assert.deepEqual(seen.command, [
      ...['node', '--max-old-space-size=64', '/certmount.mjs', 'volumes'],
      ...['--endpoint=unix:///csi/csi.sock', '--state-dir', '/state', '--pod-uid', 'uid-1'],
    ]);
  });

  it('is tried once more where the stream got stuck, and not more often', async () => {
    const stuck = (): Promise<string> => Promise.reject(new ExecError('silent', 'no answer in time'));
    let calls = 0;
    const first = (): Promise<string> =>
      (calls += 1) === 1 ? stuck() : Promise.resolve('{"version":1,"volumes":[]}');
    assert.deepEqual((await ask({ exec: first })).answer, { known: true, volumes: [] });
    calls = 0;
    const { answer } = await ask({ exec: () => ((calls += 1), stuck()) });
    assert.deepEqual(answer, { known: false, why: 'the driver cannot be asked: no answer in time' });
    assert.equal(calls, 2);
  });

  it('says why it cannot be asked', async () => {
    const why = async (options: Options): Promise<string> => {
      const { answer } = await ask(options);
      return answer.known ? '' : answer.why;
    };
    assert.match(await why({ node: undefined }), /has no node yet/);
    assert.match(await why({ drivers: [] }), /no running driver on node node-1 in namespace certmount/);
    assert.match(await why({ drivers: new KubeError('forbidden', 'no pods') }), /no pods/);
    const refused = (): Promise<string> => Promise.reject(new ExecError('forbidden', 'exec is not allowed'));
    assert.match(await why({ exec: refused }), /the driver cannot be asked: exec is not allowed/);
    const answers = (text: string) => why({ exec: () => Promise.resolve(text) });
    assert.match(await answers('{"version":1,"vol'), /cannot be asked: it does not answer with JSON/);
    assert.match(await answers('{"version":2,"items":[]}'), /of a version that answers differently/);
    assert.match(await answers('null'), /of a version that answers differently/);
    await assert.rejects(why({ drivers: new KubeError('unavailable', 'away') }), /away/);
  });

  it('tells a right that is missing from a kubelet that is', () => {
    assert.equal(upgradeError('exec', { message: 'Unexpected server response: 403' }).reason, 'forbidden');
    assert.equal(upgradeError('exec', new Error('Unexpected server response: 500')).reason, 'unreachable');
    assert.equal(upgradeError('exec', new Error('ECONNREFUSED')).reason, 'unreachable');
  });
});

describe('what a program prints by exec', () => {
  it('is kept, and is not cut off unseen', async () => {
    let tooLong = 0;
    const collector = new Collector(8, () => (tooLong += 1));
    const write = (text: string): Promise<void> =>
      new Promise((resolve) => void collector.write(Buffer.from(text), () => resolve()));
    await write('1234');
    assert.deepEqual([collector.text(), tooLong], ['1234', 0]);
    await write('567');
    await write('89');
    assert.equal(tooLong, 1);
  });
});
