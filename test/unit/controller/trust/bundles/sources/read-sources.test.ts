import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BundleSource } from '../../../../../../src/api/bundle.ts';
import { readSources } from '../../../../../../src/controller/trust/bundles/sources/read-sources.ts';
import type {
  SelectionState,
  SourceEntries,
} from '../../../../../../src/controller/trust/bundles/sources/source-objects.ts';
import type { IssuerState } from '../../../../../../src/controller/issuers/issuer-state.ts';
import { newBundle, newRoot } from '../support.ts';

const root = await newRoot('A');

interface Facts {
  readonly found?: SelectionState;
  readonly state?: IssuerState;
  readonly anchors?: readonly (typeof root.certificate)[];
}

function read(source: BundleSource, { found = { state: 'loading' }, state, anchors }: Facts = {}) {
  const [content] = readSources(newBundle({ sources: [source] }), {
    objects: { find: () => found },
    issuers: { state: () => state },
    anchors: { of: () => anchors },
    roots: () => ({ certificates: [root.certificate], version: 'x' }),
  });
  return content ?? assert.fail('no content');
}

const known = (...objects: Partial<SourceEntries>[]): SelectionState => ({
  state: 'known',
  objects: objects.map((object) => ({ name: 'x', labels: {}, isTls: false, entries: {}, ...object })),
});
const secret = (reference: BundleSource['secret']): BundleSource => ({
  ...(reference && { secret: reference }),
});
const byName = secret({ name: 'x', key: 'k' });
const all = secret({ selector: {}, includeAllKeys: true });
const issuer: BundleSource = { issuer: { kind: 'Issuer', namespace: 'web', name: 'ca' } };

describe('a source of a Bundle', () => {
  it('is waited for until it was read', () => {
    assert.deepEqual(read(byName), { state: 'loading' });
    assert.deepEqual(read(issuer, { state: { state: 'loading' } }), { state: 'loading' });
  });

  it('gives the entry that is named, or every one, in their order', () => {
    const found = known({ entries: { k: 'K', j: 'J' } }, { name: 'y', entries: { k: 'Y' } });
    assert.deepEqual(read(byName, { found: known({ entries: { k: 'K', j: 'J' } }) }), {
      state: 'texts',
      texts: [{ name: 'secret "x", key "k"', pem: 'K' }],
    });
    const content = read(all, { found });
    assert.deepEqual(content.state === 'texts' && content.texts.map(({ pem }) => pem), ['J', 'K', 'Y']);
  });

  it('gives the public roots only when they are asked for', () => {
    assert.equal(read({ useDefaultCAs: true }).state, 'certificates');
    assert.deepEqual(read({ useDefaultCAs: false }), { state: 'texts', texts: [] });
  });

  it('may be a selector that finds nothing', () => {
    assert.deepEqual(read(all, { found: known() }), { state: 'texts', texts: [] });
  });

  it('leaves out what the Bundle itself wrote', () => {
    const labels = { 'trust.cert-manager.io/bundle': 'roots' };
    assert.deepEqual(read(all, { found: known({ labels, entries: { k: 'K' } }) }), {
      state: 'texts',
      texts: [],
    });
  });

  it('gives the anchors of an issuer', () => {
    const state: IssuerState = { state: 'typeless' };
    const content = read(issuer, { state, anchors: [root.certificate] });
    assert.equal(content.state === 'certificates' && content.name, 'Issuer "web/ca"');
  });

  const failures: readonly [string, BundleSource, Facts, string, string][] = [
    [
      'is missing',
      byName,
      { found: known() },
      'not-found',
      'secret "x" does not exist in the trust namespace',
    ],
    ['lacks the key', byName, { found: known({}) }, 'not-found', 'secret "x" has no key "k"'],
    [
      'has no certificate',
      byName,
      { found: known({ entries: { k: '' } }) },
      'invalid',
      'secret "x", key "k" has no certificate, or more than certificates',
    ],
    [
      'is a target of the Bundle',
      byName,
      { found: known({ labels: { 'trust.cert-manager.io/bundle': 'roots' } }) },
      'invalid',
      'secret "x" is a target of this Bundle',
    ],
    [
      'may not be read',
      byName,
      { found: { state: 'unavailable', message: 'forbidden' } },
      'unavailable',
      'secret "x": forbidden',
    ],
    [
      'is a TLS Secret with all keys',
      all,
      { found: known({ isTls: true, entries: { 'tls.crt': 'x' } }) },
      'invalid',
      'secret "x" is of type kubernetes.io/tls: name its key instead of includeAllKeys',
    ],
    [
      'names nothing',
      secret({ key: 'k' }),
      {},
      'invalid',
      'sources[0] names neither an object nor a selector',
    ],
    ['is an issuer that is missing', issuer, {}, 'not-found', 'Issuer "web/ca" does not exist'],
    [
      'is an issuer that is not ready',
      issuer,
      { state: { state: 'not-ready', reason: 'x', message: 'no Secret' } },
      'unavailable',
      'Issuer "web/ca" is not ready: no Secret',
    ],
    [
      'is an issuer without anchors',
      issuer,
      { state: { state: 'typeless' }, anchors: [] },
      'invalid',
      'Issuer "web/ca" has no anchors to give',
    ],
  ];
  for (const [what, source, facts, reason, message] of failures) {
    it(`fails when it ${what}`, () => {
      assert.deepEqual(read(source, facts), { state: 'failed', reason, message });
    });
  }
});
