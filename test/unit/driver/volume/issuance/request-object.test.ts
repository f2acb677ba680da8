import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { labelValue } from '../../../../../src/driver/volume/issuance/labels.ts';
import { requestName, requestObject } from '../../../../../src/driver/volume/issuance/request-object.ts';
import { specOf } from '../../support/builders.ts';

const subdomain = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const label = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

describe('the request of a volume', () => {
  it('names pod, node and volume, and goes with its pod', () => {
    const request = requestObject(specOf({ duration: '1h', 'issuer-kind': 'ClusterIssuer' }), {
      driverName: 'csi.certmount.io',
      nodeName: 'node-1',
      name: 'api-0-0123456789',
      signingRequest: 'PEM',
      requester: { username: 'system:serviceaccount:certmount:driver', extra: { a: ['b'] } },
    });
    assert.deepEqual(request, {
      apiVersion: 'cert-manager.io/v1',
      kind: 'CertificateRequest',
      metadata: {
        name: 'api-0-0123456789',
        namespace: 'web',
        labels: {
          'csi.certmount.io/driver': 'csi.certmount.io',
          'csi.certmount.io/node': 'node-1',
          'csi.certmount.io/volume': 'csi-1',
        },
        annotations: { 'csi.certmount.io/pod-uid': 'pod-uid-1', 'csi.certmount.io/volume-id': 'csi-1' },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'api-0', uid: 'pod-uid-1' }],
      },
      spec: {
        request: 'UEVN',
        issuerRef: { name: 'ca', kind: 'ClusterIssuer', group: 'cert-manager.io' },
        duration: '1h0m0s',
        isCA: false,
        usages: ['digital signature', 'server auth', 'client auth'],
        username: 'system:serviceaccount:certmount:driver',
        extra: { a: ['b'] },
      },
    });
  });
});

describe('the name of a request', () => {
  it("begins with the pod's and is one that Kubernetes takes", () => {
    assert.equal(requestName('api-0', 'abcdef0123'), 'api-0-abcdef0123');
    const part = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/);
    const podName = fc
      .array(part, { minLength: 1, maxLength: 40 })
      .map((parts) => parts.join('.').slice(0, 253));
    fc.assert(
      fc.property(podName, (name) => {
        const made = requestName(name.replace(/[.-]+$/, ''), 'abcdef0123');
        assert.ok(made.length <= 253);
        assert.match(made, subdomain);
      }),
    );
  });
});

describe('a label', () => {
  it('keeps a text that is allowed as it is', () => {
    for (const text of ['node-1', 'ip-10-0-0-1.ec2.internal', 'A_b', 'x'.repeat(63)])
      assert.equal(labelValue(text), text);
  });

  it('is short and allowed for any text, and another for another text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.string({ maxLength: 300 }), (a, b) => {
        for (const value of [labelValue(a), labelValue(b)]) {
          assert.ok(value.length <= 63);
          assert.match(value, label);
        }
        if (a !== b) assert.notEqual(labelValue(a), labelValue(b));
      }),
    );
    const long = `csi-${'0123456789abcdef'.repeat(4)}`;
    assert.notEqual(labelValue(long), labelValue(`${long}0`));
    assert.match(labelValue(long), /^csi-0123/);
  });
});
