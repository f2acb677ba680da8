import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failure, specOf } from '../../support/builders.ts';

const later = { start: 'without-certificate' };

function refused(attributes: Readonly<Record<string, string>>, ...parts: readonly string[]): void {
  assert.throws(() => specOf(attributes), failure('invalid-attribute', ...parts));
}

describe('wait-for', () => {
  it('takes the gates of csi-driver', () => {
    const { gates } = specOf({
      ...later,
      'wait-for':
        'pod-ip, pod-ip:ipv6, pod-condition:example.com/synced, pod-condition:Ready=False, pod-annotation:k8s.v1.cni.cncf.io/network-status',
    });
    assert.deepEqual(gates, [
      { gate: 'pod-ip', family: 'any' },
      { gate: 'pod-ip', family: 'ipv6' },
      { gate: 'pod-condition', type: 'example.com/synced', status: 'True' },
      { gate: 'pod-condition', type: 'Ready', status: 'False' },
      { gate: 'pod-annotation', key: 'k8s.v1.cni.cncf.io/network-status' },
    ]);
  });

  it('holds the pod back by default', () => {
    const spec = specOf({ 'wait-for': 'pod-annotation:approved' });
    assert.equal(spec.start, 'with-certificate');
    assert.deepEqual(spec.gates, [{ gate: 'pod-annotation', key: 'approved' }]);
    assert.equal(specOf({ 'wait-for': 'pod-condition:Ready=False' }).start, 'with-certificate');
    assert.equal(specOf(later).start, 'without-certificate');
  });

  it('is refused where the pod could never start', () => {
    for (const gate of [
      'pod-ip',
      'pod-ip:ipv4',
      'pod-condition:Ready',
      'pod-condition:ContainersReady=True',
      'pod-condition:PodReadyToStartContainers',
    ]) {
      refused({ 'wait-for': gate }, `wait-for "${gate}"`, 'start: without-certificate');
      assert.ok(specOf({ 'wait-for': gate, ...later }));
    }
  });

  it('is refused when it is no gate', () => {
    for (const gate of [
      'pod-name',
      'pod-ip:',
      'pod-ip:ipv5',
      'pod-condition',
      'pod-condition:',
      'pod-condition:=True',
      'pod-condition:Ready=true',
      'pod-condition:Ready=True=True',
      'pod-condition:a b',
      'pod-annotation',
      'pod-annotation:',
      'pod-annotation:a/b/c',
      'pod-annotation:-a',
    ]) {
      refused({ 'wait-for': gate, ...later }, 'wait-for', `${JSON.stringify(gate)} must be pod-`);
    }
    refused({ 'wait-for': 'pod-ip,pod-ip', ...later }, '"pod-ip" is listed twice');
    refused({ start: 'later' }, 'start "later": must be one of with-certificate, without-certificate');
  });
});
