import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Interner } from '../../../../../src/controller/approval/facts/interner.ts';
import { slimNode, slimPod, slimService } from '../../../../../src/controller/approval/facts/slim.ts';
import type { Pod } from '../../../../../src/api/core.ts';

const pod: Pod = {
  metadata: {
    namespace: 'web',
    name: 'app-0',
    uid: 'pod-1',
    resourceVersion: '1',
    deletionTimestamp: '2026-01-01T00:00:00Z',
    labels: { app: 'app' },
    annotations: { long: 'x' },
    managedFields: [{}],
  },
  spec: {
    nodeName: 'a',
    serviceAccountName: 'app',
    hostname: 'h',
    subdomain: 's',
    containers: [{ name: 'main' }],
  },
  status: {
    phase: 'Running',
    podIP: '10.0.0.1',
    podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
    conditions: [{ type: 'Ready', status: 'True' }],
  },
};

describe('what is kept of the cluster', () => {
  it('is of a pod what approval looks at', () => {
    assert.deepEqual(slimPod(pod, new Interner()), {
      metadata: {
        namespace: 'web',
        name: 'app-0',
        uid: 'pod-1',
        resourceVersion: '1',
        deletionTimestamp: '2026-01-01T00:00:00Z',
        labels: { app: 'app' },
      },
      spec: { nodeName: 'a', serviceAccountName: 'app', hostname: 'h', subdomain: 's' },
      status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] },
    });
  });

  it('has equal labels once', () => {
    const interner = new Interner();
    const [a, b] = [slimPod(structuredClone(pod), interner), slimPod(structuredClone(pod), interner)];
    assert.equal(a.metadata.labels, b.metadata.labels);
  });

  it('is what was told also when more is told than is remembered', () => {
    const interner = new Interner();
    for (let n = 0; n < 25_000; n++) assert.deepEqual(interner.labels({ n: String(n) }), { n: String(n) });
  });

  it('is of a pod whether it is on the host network', () => {
    const onHost = slimPod({ ...pod, spec: { ...pod.spec, hostNetwork: true } }, new Interner());
    assert.equal(onHost.spec.hostNetwork, true);
  });

  it('is of a service whom it selects, of a node which it is, and of both their addresses', () => {
    const interner = new Interner();
    const metadata = { namespace: 'web', name: 'api', uid: 'u', resourceVersion: '1' };
    const addresses = {
      clusterIP: '10.9.0.1',
      clusterIPs: ['10.9.0.1', 'fd09::1'],
      externalIPs: ['192.0.2.2'],
    };
    assert.deepEqual(
      slimService(
        {
          metadata: { ...metadata, labels: { a: 'b' } },
          spec: { type: 'LoadBalancer', selector: { app: 'app' }, ...addresses },
          status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }, {}] } },
        },
        interner,
      ),
      {
        metadata,
        spec: { type: 'LoadBalancer', selector: { app: 'app' }, ...addresses },
        status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
      },
    );
    const node = { name: 'a', uid: 'node-1', resourceVersion: '1' };
    assert.deepEqual(
      slimNode(
        {
          metadata: { ...node, labels: { a: 'b' } },
          spec: { taints: [] },
          status: { addresses: [{ type: 'InternalIP', address: '10.8.0.1' }] },
        },
        interner,
      ),
      { metadata: node, spec: {}, status: { addresses: [{ type: 'InternalIP', address: '10.8.0.1' }] } },
    );
  });
});
