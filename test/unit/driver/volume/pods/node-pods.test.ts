import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NodePods, slimPod } from '../../../../../src/driver/volume/pods/node-pods.ts';
import type { PodGate } from '../../../../../src/driver/volume/pods/pod-gate.ts';
import { FakeClock, settle } from '../../../../support/fake-clock.ts';
import { pod } from '../../support/builders.ts';
import { FakePods, podObject } from '../../support/fake-pods.ts';

const address: readonly PodGate[] = [{ gate: 'pod-ip', family: 'any' }];
const withAddress = podObject({ status: { podIPs: [{ ip: '10.0.0.7' }] } });

function start(): { readonly api: FakePods; readonly pods: NodePods } {
  const api = new FakePods();
  return { api, pods: new NodePods({}, { reflector: () => api.reflector(new FakeClock()) }) };
}

describe('the pods of a node', () => {
  it('are not watched for volumes that wait for nothing', async () => {
    const { api, pods } = start();
    assert.equal(pods.unmet(pod, []), undefined);
    await settle();
    assert.equal(api.watches, 0);
    await pods.stop();
  });

  it('are watched once, however many volumes wait', async () => {
    const { api, pods } = start();
    assert.equal(pods.unmet(pod, address), "the pod's address");
    const all = [1, 2, 3].map(() => pods.whenReady(pod, address, new AbortController().signal));
    await settle();
    api.set(withAddress);
    await Promise.all(all);
    assert.equal(api.watches, 1);
    assert.deepEqual(pods.ips(pod), ['10.0.0.7']);
    assert.equal(pods.unmet(pod, address), undefined);
    await pods.stop();
  });

  it('are told apart by uid: another pod of the name is not this one', async () => {
    const { api, pods } = start();
    api.set({ ...withAddress, metadata: { ...withAddress.metadata, uid: 'another' } });
    const abort = new AbortController();
    const waiting = pods.whenReady(pod, address, abort.signal);
    await settle();
    assert.equal(pods.unmet(pod, address), "the pod's address");
    assert.deepEqual(pods.ips(pod), []);
    abort.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
    await pods.stop();
  });

  it('are kept without what nobody reads', () => {
    const slim = slimPod({
      ...podObject({ annotations: { long: 'x'.repeat(10_000), empty: '' } }),
      spec: { nodeName: 'node-1', containers: [{ name: 'app', volumeMounts: [] }] },
    });
    assert.deepEqual(slim.metadata.annotations, { long: 'set' });
    assert.deepEqual(slim.spec, { nodeName: 'node-1' });
  });
});
