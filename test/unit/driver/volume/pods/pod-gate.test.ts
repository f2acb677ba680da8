import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PodGate, podIpsOf, unmetGate } from '../../../../../src/driver/volume/pods/pod-gate.ts';
import { podObject } from '../../support/fake-pods.ts';

const ready = podObject({
  status: { podIPs: [{ ip: '10.0.0.7' }], conditions: [{ type: 'example.com/net', status: 'True' }] },
  annotations: { 'example.com/name': 'x', 'example.com/empty': '' },
});

describe('a gate of a pod', () => {
  const cases: readonly (readonly [PodGate, string | undefined])[] = [
    [{ gate: 'pod-ip', family: 'any' }, undefined],
    [{ gate: 'pod-ip', family: 'ipv4' }, undefined],
    [{ gate: 'pod-ip', family: 'ipv6' }, 'an ipv6 address of the pod'],
    [{ gate: 'pod-condition', type: 'example.com/net', status: 'True' }, undefined],
    [
      { gate: 'pod-condition', type: 'example.com/net', status: 'False' },
      "the pod's condition example.com/net to be False",
    ],
    [{ gate: 'pod-condition', type: 'Ready', status: 'True' }, "the pod's condition Ready to be True"],
    [{ gate: 'pod-annotation', key: 'example.com/name' }, undefined],
    [{ gate: 'pod-annotation', key: 'example.com/empty' }, "the pod's annotation example.com/empty"],
  ];
  for (const [gate, unmet] of cases) {
    it(`${JSON.stringify(gate)} is ${unmet === undefined ? 'passed' : 'not passed'}`, () => {
      assert.equal(unmetGate(ready, [gate]), unmet);
    });
  }

  it('is not passed by a pod that is not there', () => {
    assert.equal(unmetGate(undefined, [{ gate: 'pod-ip', family: 'any' }]), "the pod's address");
    assert.equal(unmetGate(undefined, []), undefined);
  });

  it('names the first that is not passed', () => {
    const gates: PodGate[] = [
      { gate: 'pod-ip', family: 'any' },
      { gate: 'pod-annotation', key: 'b' },
      { gate: 'pod-annotation', key: 'c' },
    ];
    assert.equal(unmetGate(ready, gates), "the pod's annotation b");
  });

  it('knows the addresses, the primary one first', () => {
    const status = { podIPs: [{ ip: 'fd00::7' }, { ip: '10.0.0.7' }] };
    assert.deepEqual(podIpsOf(podObject({ status })), ['fd00::7', '10.0.0.7']);
    assert.deepEqual(podIpsOf(undefined), []);
  });
});
