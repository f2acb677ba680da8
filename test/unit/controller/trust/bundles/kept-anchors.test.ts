import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BundleSource } from '../../../../../src/api/bundle.ts';
import { sourceAnchors } from '../../../../../src/controller/trust/bundles/kept-anchors.ts';
import type { SourceAnchors } from '../../../../../src/controller/trust/bundles/kept-anchors.ts';
import type { Certificate } from '../../../../../src/pki/index.ts';
import { newRoot } from './support.ts';

const names = ['A', 'B', 'C', 'D'] as const;
const roots = new Map(
  await Promise.all(names.map(async (name) => [name, (await newRoot(name)).certificate] as const)),
);

function of(text: string): Certificate[] {
  return text.split('').map((name) => roots.get(name as (typeof names)[number]) ?? assert.fail(name));
}

/** ConfigMaps by their names, each with the roots that it has; with a "!" it fails. */
type Sources = Readonly<Record<string, string>>;

function step(sources: Sources, before: SourceAnchors | undefined, published = ''): SourceAnchors {
  const list: BundleSource[] = Object.keys(sources).map((name) => ({ configMap: { name, key: 'ca.crt' } }));
  const given = Object.values(sources).map((text) => ({
    certificates: of(text.replace('!', '')),
    fails: text.includes('!'),
  }));
  return sourceAnchors(list, given, { sources: before, published: () => of(published) });
}

function all(sources: SourceAnchors): string {
  const pems = new Set([...sources.values()].flat().map(({ pem }) => pem));
  return names.filter((name) => pems.has(roots.get(name)?.pem ?? '')).join('');
}

describe('what the sources of a Bundle have given', () => {
  it('is what they give, when none fails', () => {
    const before = step({ x: 'A', y: 'B' }, undefined);
    assert.equal(all(step({ x: 'C', y: '' }, before, 'AB')), 'C');
  });

  it('stays of one that fails, and changes of the others', () => {
    const before = step({ x: 'A', y: 'B' }, undefined);
    const failing = step({ x: 'A', y: '!' }, before, 'AB');
    assert.equal(all(failing), 'AB');
    const revoked = step({ x: 'C', y: '!' }, failing, 'AB');
    assert.equal(all(revoked), 'BC', 'A is gone although y fails');
    assert.equal(all(step({ x: 'C', y: 'D' }, revoked, 'BC')), 'CD', 'and B with what y gives anew');
  });

  it('stays of one that fails in a part, together with what is new in it', () => {
    const before = step({ x: 'A' }, undefined);
    const partly = step({ x: 'B!' }, before, 'A');
    assert.equal(all(partly), 'AB');
    assert.equal(all(step({ x: '!' }, partly, 'AB')), 'AB');
  });

  it('is all that is published after a restart, but for what others give by then', () => {
    const started = step({ x: 'A', y: '!' }, undefined, 'AB');
    assert.equal(all(started), 'AB');
    assert.equal(all(step({ x: 'C', y: '!' }, started, 'AB')), 'BC');
    assert.equal(all(step({ x: 'C', y: '!' }, undefined, 'AB')), 'ABC', 'whose A was is not known');
  });

  it('stays when a Bundle is edited and there is a slip in it', () => {
    const before = step({ x: 'A', y: 'B' }, undefined);
    const edited = step({ x: 'A', z: '!' }, before, 'AB');
    assert.equal(all(edited), 'AB');
    assert.equal(all(step({ x: 'A' }, edited, 'AB')), 'A', 'until the source is removed');
  });

  it('is nothing of one that is added and fails', () => {
    const before = step({ x: 'A' }, undefined);
    const added = step({ x: 'A', y: '!' }, before, 'A');
    assert.equal(all(step({ x: 'B', y: '!' }, added, 'A')), 'B');
  });
});
