import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Compatibility } from '../../../../../src/driver/volume/attributes/compatibility.ts';
import { failure, parseSource, sourceOf } from '../../support/builders.ts';

const annotationsOf = (
  attributes: Readonly<Record<string, string>>,
  compatibility: Compatibility = 'none',
): Readonly<Record<string, string>> =>
  parseSource(sourceOf('/target', attributes), undefined, { compatibility }).requestAnnotations;

function refused(
  attributes: Readonly<Record<string, string>>,
  compatibility: Compatibility,
  ...parts: readonly string[]
): void {
  assert.throws(() => annotationsOf(attributes, compatibility), failure('invalid-attribute', ...parts));
}

const fields = '[{"name": "Cost", "value": "$5"}]';

describe('attributes of other groups', () => {
  it('become annotations of the request where the issuer reads them', () => {
    assert.deepEqual(annotationsOf({ 'venafi.cert-manager.io/custom-fields': fields }), {
      'venafi.cert-manager.io/custom-fields': fields,
    });
    assert.deepEqual(
      annotationsOf({ 'issuer-group': 'firefly.venafi.com', 'firefly.venafi.com/policy-name': 'web' }),
      { 'firefly.venafi.com/policy-name': 'web' },
    );
  });

  it('are an error elsewhere, with the groups that there are', () => {
    refused(
      { 'csi.example.com/duration': '1h' },
      'none',
      'unknown volume attribute "csi.example.com/duration"',
      'its group must be one of csi.certmount.io, csi.cert-manager.io, venafi.cert-manager.io, or left out',
    );
    refused(
      { 'example.com/x': '1', 'issuer-group': 'own.example' },
      'csi-driver-spiffe',
      'spiffe.csi.cert-manager.io, own.example, venafi.cert-manager.io',
    );
    refused({ '/x': '1' }, 'none', 'its group must be one of');
  });

  it("all become annotations in the place of cert-manager's csi-driver", () => {
    const all = { 'example.com/x': '${NOT_A_VARIABLE}', 'meta.example/Y_z.1': '' };
    assert.deepEqual(annotationsOf(all, 'cert-manager'), all);
  });

  it('never pass for what controllers and drivers note on a request', () => {
    for (const compatibility of ['none', 'cert-manager', 'csi-driver-spiffe'] as const) {
      for (const key of [
        'cert-manager.io/private-key-secret-name',
        'certmount.io/x',
        'driver.csi.certmount.io/pod-uid',
        'venafi.cert-manager.io/pickup-id',
      ]) {
        refused({ [key]: 'x' }, compatibility, `"${key}"`, 'for controllers to set');
      }
    }
    refused({ 'csi.certmount.io/pod-uid': 'x' }, 'cert-manager', 'unknown volume attribute');
    refused({ 'spiffe.csi.cert-manager.io/identity': 'x' }, 'cert-manager', 'for controllers to set');
    refused({ 'spiffe.csi.cert-manager.io/identity': 'x' }, 'csi-driver-spiffe', 'unknown volume attribute');
  });

  it('are keys that Kubernetes takes', () => {
    const long = 'a'.repeat(254);
    for (const key of ['Example.com/x', 'example.com/', 'example.com/a/b', 'a b/x', `${long}/x`, '-/x', '/x'])
      refused({ [key]: 'x' }, 'cert-manager', 'no key that an annotation of the request can have');
    refused({ [`example.com/${'x'.repeat(64)}`]: 'x' }, 'cert-manager', 'no key');
    refused({ 'example.com/x': 'x'.repeat(16_385) }, 'cert-manager', 'example.com/x', 'at most 16384');
  });
});
