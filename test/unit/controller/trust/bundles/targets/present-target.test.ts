import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { bundleHashAnnotation, bundleLabel } from '../../../../../../src/api/bundle.ts';
import type { ConfigMap } from '../../../../../../src/api/core.ts';
import {
  slimTarget,
  targetPatch,
} from '../../../../../../src/controller/trust/bundles/targets/present-target.ts';
import { targetContents } from '../../../../../../src/controller/trust/bundles/targets/formats.ts';
import { wantedTarget } from '../../../../../../src/controller/trust/bundles/targets/wanted-target.ts';
import type { WantedTarget } from '../../../../../../src/controller/trust/bundles/targets/wanted-target.ts';
import { inOrder, newBundle, newRoot } from '../support.ts';

const [a, b] = await Promise.all([newRoot('A'), newRoot('B')]);
const formats = {
  jks: { key: 'trust.jks', password: 'changeit' },
  pkcs12: { key: 'trust.p12', password: 'secret', profile: 'Modern2023' as const },
};
const bundle = newBundle({
  target: { configMap: { key: 'ca.crt', metadata: { labels: { app: 'x' } } }, additionalFormats: formats },
});

function wanted(of = bundle, kind: 'ConfigMap' | 'Secret' = 'ConfigMap'): WantedTarget {
  const { additionalFormats, configMap, secret } = of.spec.target ?? {};
  const template = (kind === 'ConfigMap' ? configMap : secret) ?? assert.fail('nothing wanted');
  return wantedTarget(of, kind, template, targetContents(inOrder(a, b), additionalFormats));
}

/** As the API server has it when it was written from here. */
function written(changes: Partial<ConfigMap> = {}, metadata: ConfigMap['metadata'] = {}): ConfigMap {
  const { name, labels, annotations, owner, data, binaryData } = wanted();
  return slimTarget({
    metadata: {
      name,
      namespace: 'web',
      uid: 'u',
      resourceVersion: '7',
      labels: { ...labels },
      annotations: { ...annotations },
      ownerReferences: [owner],
      managedFields: [
        {
          manager: 'certmount-bundles',
          fieldsV1: { 'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } } },
        },
        { manager: 'kubectl', fieldsV1: { 'f:metadata': { 'f:labels': { 'f:theirs': {} } } } },
      ],
      ...metadata,
    },
    data: { ...data },
    binaryData: { ...binaryData },
    ...changes,
  });
}

describe('a target that is there', () => {
  it('needs nothing when it is as it was written, made anew from the same anchors', () => {
    assert.equal(targetPatch(written(), wanted()), undefined);
  });

  it('is kept as digests', () => {
    assert.ok(JSON.stringify(written()).length < 2000);
    assert.doesNotMatch(JSON.stringify(written()), /BEGIN/);
  });

  it('gets back what was changed, loses what was added, and nothing else is written', () => {
    const data = { ...wanted().data, 'ca.crt': 'x', more: 'y' };
    assert.deepEqual(targetPatch(written({ data }), wanted()), {
      metadata: { uid: 'u', resourceVersion: '7' },
      data: { 'ca.crt': wanted().data['ca.crt'], more: null },
    });
    const binaryData = { 'trust.jks': 'AAAA', 'trust.p12': wanted().binaryData['trust.p12'] ?? '' };
    assert.deepEqual(Object.keys(targetPatch(written({ binaryData }), wanted()) ?? {}), [
      'metadata',
      'binaryData',
    ]);
  });

  it('loses a label that was written from here once, and keeps those of others', () => {
    const present = written({}, { labels: { ...wanted().labels, theirs: 'y' } });
    const without = newBundle({ target: { configMap: { key: 'ca.crt' }, additionalFormats: formats } });
    const patch = targetPatch(present, wanted(without)) as { metadata: { labels: object } };
    assert.deepEqual(patch.metadata.labels, { app: null });
  });

  it('becomes that of a Bundle made anew under the name; other owners stay', () => {
    const others = { apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'o' };
    const former = { ...wanted().owner, uid: 'former' };
    const patch = targetPatch(written({}, { ownerReferences: [others, former] }), wanted()) as {
      metadata: { ownerReferences: object[] };
    };
    assert.deepEqual(patch.metadata.ownerReferences, [others, wanted().owner]);
  });

  it('holds up the end of its Bundle, as those of trust-manager do', () => {
    const { blockOwnerDeletion: _, ...owner } = wanted().owner;
    const patch = targetPatch(written({}, { ownerReferences: [owner] }), wanted());
    assert.deepEqual(patch, {
      metadata: { uid: 'u', resourceVersion: '7', ownerReferences: [wanted().owner] },
    });
  });

  it('counts as written when trust-manager wrote it', () => {
    const plain = newBundle();
    const pem = inOrder(a, b)
      .map((anchor) => anchor.pem)
      .join('')
      .trimEnd();
    const hash = createHash('sha256').update(pem).digest('hex');
    const present = written(
      { data: { 'ca.crt': pem }, binaryData: {} },
      { labels: { [bundleLabel]: 'roots' }, annotations: { [bundleHashAnnotation]: hash } },
    );
    assert.equal(targetPatch(present, wanted(plain)), undefined);
  });
});

describe('a Secret', () => {
  it('has all formats in one map', () => {
    const { data, binaryData } = wanted(
      newBundle({ target: { secret: { key: 'ca.crt' }, additionalFormats: formats } }),
      'Secret',
    );
    assert.deepEqual(Object.keys(data).toSorted(), ['ca.crt', 'trust.jks', 'trust.p12']);
    assert.deepEqual(binaryData, {});
    assert.match(Buffer.from(data['ca.crt'] ?? '', 'base64').toString(), /^-----BEGIN CERTIFICATE-----\n/);
  });
});
