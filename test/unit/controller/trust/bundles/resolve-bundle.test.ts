import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceContent } from '../../../../../src/controller/trust/bundles/gather-anchors.ts';
import { resolveBundle } from '../../../../../src/controller/trust/bundles/resolve-bundle.ts';
import type { ResolvedBundle } from '../../../../../src/controller/trust/bundles/resolve-bundle.ts';
import { syncedCondition } from '../../../../../src/controller/trust/bundles/bundle-condition.ts';
import type { Certificate } from '../../../../../src/pki/index.ts';
import { now } from '../../builders.ts';
import { inOrder, newBundle, newRoot } from './support.ts';

const [a, b] = await Promise.all([newRoot('A'), newRoot('B')]);
const gone: SourceContent = { state: 'failed', reason: 'not-found', message: 'configMap "x" does not exist' };
const of = (...certificates: Certificate[]): SourceContent => ({
  state: 'certificates',
  name: 'test',
  certificates,
});

function resolve(
  contents: readonly SourceContent[],
  {
    bundle = newBundle({ sources: contents.map((_, index) => ({ inLine: `${index}` })) }),
    before,
    published = [],
    secretTargets = true,
  }: {
    bundle?: ReturnType<typeof newBundle>;
    before?: ResolvedBundle;
    published?: readonly Certificate[];
    secretTargets?: boolean;
  } = {},
) {
  const resolving = { now, before, secretTargets, published: () => published };
  const resolved = resolveBundle(bundle, contents, resolving);
  return { resolved, condition: syncedCondition(bundle, resolved, new Map(), resolved.problems) };
}

describe('what a Bundle comes to', () => {
  it('takes nothing away while a source fails, and adds what is new', () => {
    const { resolved, condition } = resolve([of(a.certificate), gone], { published: [b.certificate] });
    assert.deepEqual(resolved.anchors, inOrder(a, b));
    assert.equal(resolved.kept, 1);
    assert.equal(condition.reason, 'SourceNotFound');
    assert.match(condition.message ?? '', /configMap "x" does not exist; 1 certificates of before stay/);
    const again = resolve([of(), gone], { before: resolved, published: resolved.anchors });
    assert.deepEqual(again.resolved.anchors, [b.certificate], 'of the source that fails and of no other');
  });

  it('takes away what is not in the sources any more when all are there', () => {
    const { resolved, condition } = resolve([of(a.certificate)], { published: [b.certificate] });
    assert.deepEqual(resolved.anchors, [a.certificate]);
    assert.equal(condition.status, 'True');
  });

  it('keeps no expired one', async () => {
    const old = await newRoot('Old', { notBefore: new Date(now - 2000), notAfter: new Date(now - 1000) });
    const { resolved } = resolve([of(a.certificate), gone], { published: [old.certificate] });
    assert.deepEqual(resolved.anchors, [a.certificate]);
  });

  it('writes nothing when nothing is left', () => {
    const { resolved, condition } = resolve([]);
    assert.equal(resolved.targets.kinds.size, 0);
    assert.equal(condition.reason, 'NoCertificates');
  });

  it('says that Secrets are not written without the flag, and writes the rest', () => {
    const bundle = newBundle({ target: { configMap: { key: 'a' }, secret: { key: 'b' } } });
    const { resolved, condition } = resolve([of(a.certificate)], { bundle, secretTargets: false });
    assert.deepEqual([...resolved.targets.kinds.keys()], ['ConfigMap']);
    assert.equal(condition.reason, 'SecretTargetsDisabled');
  });

  it('writes the rest when a trust store cannot be made, and says which, but not with which password', () => {
    const additionalFormats = {
      jks: { key: 'trust.jks' },
      pkcs12: { key: 'trust.p12', password: 'se\ud800cret' },
    };
    const bundle = newBundle({ target: { configMap: { key: 'ca.crt' }, additionalFormats } });
    const { resolved, condition } = resolve([of(a.certificate)], { bundle });
    const wanted = resolved.targets.kinds.get('ConfigMap');
    assert.deepEqual(Object.keys(wanted?.data ?? {}), ['ca.crt']);
    assert.deepEqual(Object.keys(wanted?.binaryData ?? {}), ['trust.jks']);
    assert.equal(condition.reason, 'InvalidTarget');
    assert.match(condition.message ?? '', /^target\.additionalFormats\.pkcs12: /);
    assert.doesNotMatch(condition.message ?? '', /cret/);
  });

  it('makes its targets anew only when their content changes, or the Bundle', () => {
    const { resolved: before } = resolve([of(a.certificate)]);
    const again = (contents: SourceContent[], bundle = newBundle()): boolean =>
      resolve(contents, { bundle, before }).resolved.targets !== before.targets;
    assert.ok(!again([of(a.certificate), of(a.certificate)]));
    assert.ok(again([of(a.certificate, b.certificate)]));
    assert.ok(again([of(a.certificate)], newBundle({}, { generation: 2 })));
    assert.ok(again([of(a.certificate)], newBundle({}, { uid: 'bundle-2' })));
  });

  for (const [text, wrong] of [
    ['5m', 300],
    ['1s', 1],
    ['24h', 86_400],
    ['0s', undefined],
    ['25h', undefined],
    ['1500ms', undefined],
    ['-5m', undefined],
    ['soon', undefined],
  ] as const) {
    it(`${wrong === undefined ? 'refuses' : 'takes'} the refresh hint ${text}`, () => {
      const bundle = newBundle({}, { annotations: { 'certmount.io/refresh-hint': text } });
      const { resolved, condition } = resolve([of(a.certificate)], { bundle });
      assert.equal(resolved.refreshHintSeconds, wrong);
      assert.equal(condition.reason, wrong === undefined ? 'InvalidAnnotation' : 'Synced');
      if (wrong === undefined)
        assert.match(condition.message ?? '', new RegExp(`refresh-hint: "${text}" must be`));
    });
  }

  it('refuses a trust domain that is none', () => {
    const bundle = newBundle({}, { annotations: { 'certmount.io/trust-domain': 'Other.Example' } });
    const { resolved, condition } = resolve([of(a.certificate)], { bundle });
    assert.equal(resolved.trustDomain, undefined);
    assert.match(condition.message ?? '', /certmount\.io\/trust-domain: trust domain "Other\.Example"/);
  });

  it('names the first failing namespaces and counts the rest', () => {
    const bundle = newBundle();
    const { resolved } = resolve([of(a.certificate)], { bundle });
    const failures = new Map(
      ['d', 'c', 'b', 'a'].map((namespace) => [namespace, { message: 'no', isForeign: false }]),
    );
    const { reason, message } = syncedCondition(bundle, resolved, failures, []);
    assert.equal(reason, 'SyncTargetFailed');
    assert.equal(message, 'not written in namespaces a: no; b: no; c: no and 1 more');
  });
});
