import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AppliedAnchorSet, NodeTrust } from '../../../../../src/api/node-trust.ts';
import { NodeCoverage, slimNodeTrust } from '../../../../../src/controller/trust/coverage/node-coverage.ts';

const set = 'issuer.web.ca';
const [old, present] = ['0'.repeat(16), '1'.repeat(16)];

function trust(nodeName: string, hashes: Record<string, string>, driverName = 'csi.certmount.io'): NodeTrust {
  const sets: AppliedAnchorSet[] = Object.entries(hashes).map(([name, hash]) => ({
    name,
    hash,
    volumes: 1,
    behind: 0,
  }));
  return { metadata: { name: `${nodeName}.${driverName}` }, spec: { nodeName, driverName, sets } };
}

describe('coverage', () => {
  it('counts the nodes that have volumes with the set', () => {
    const coverage = new NodeCoverage();
    assert.deepEqual(coverage.of([{ name: set, hash: present }]), { nodes: 0, covered: 0, missing: [] });
    coverage.onChange({ type: 'added', object: trust('a', { [set]: present }) });
    coverage.onChange({ type: 'added', object: trust('b', { [set]: old }) });
    coverage.onChange({ type: 'added', object: trust('c', { other: old }) });
    assert.deepEqual(coverage.of([{ name: set, hash: present }]), { nodes: 2, covered: 1, missing: ['b'] });
    coverage.onChange({ type: 'added', object: trust('b', { [set]: present }) });
    assert.deepEqual(coverage.of([{ name: set, hash: present }]), { nodes: 2, covered: 2, missing: [] });
    coverage.onChange({ type: 'added', object: trust('a', {}) });
    coverage.onChange({ type: 'deleted', object: trust('b', { [set]: present }) });
    assert.deepEqual(coverage.of([{ name: set, hash: present }]), { nodes: 0, covered: 0, missing: [] });
  });

  it('has a node with two drivers when both have it', () => {
    const coverage = new NodeCoverage();
    coverage.onChange({ type: 'added', object: trust('a', { [set]: present }) });
    coverage.onChange({ type: 'added', object: trust('a', { [set]: old }, 'csi.cert-manager.io') });
    assert.deepEqual(coverage.of([{ name: set, hash: present }]), { nodes: 1, covered: 0, missing: ['a'] });
    coverage.onChange({ type: 'added', object: trust('a', { [set]: present }, 'csi.cert-manager.io') });
    assert.equal(coverage.of([{ name: set, hash: present }]).covered, 1);
  });

  it('counts a node that has it from several sets once, and as one that has it when it has all', () => {
    const coverage = new NodeCoverage();
    const own = { name: set, hash: present };
    const bundle = { name: 'bundle.mesh', hash: old };
    coverage.onChange({ type: 'added', object: trust('a', { [set]: present }) });
    coverage.onChange({ type: 'added', object: trust('b', { [set]: present, 'bundle.mesh': present }) });
    coverage.onChange({ type: 'added', object: trust('c', { 'bundle.mesh': old }) });
    assert.deepEqual(coverage.of([own, bundle]), { nodes: 3, covered: 2, missing: ['b'] });
    assert.deepEqual(coverage.of([own, { ...bundle, hash: undefined }]).missing, ['b', 'c']);
  });

  it('leaves out a node whose report is being deleted, whoever holds that up', () => {
    const coverage = new NodeCoverage();
    const report = trust('a', { [set]: old });
    coverage.onChange({ type: 'added', object: report });
    const metadata = { ...report.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x/y'] };
    coverage.onChange({ type: 'modified', object: { ...report, metadata }, previous: report });
    assert.equal(coverage.of([{ name: set, hash: present }]).nodes, 0);
  });

  it('counts a few drivers of each node, however many it makes up', () => {
    const coverage = new NodeCoverage();
    const drivers = Array.from({ length: 20 }, (_, index) => `driver-${index}`);
    for (const [index, driver] of drivers.entries()) {
      coverage.onChange({ type: 'added', object: trust('a', { [`set-${index}`]: old }, driver) });
    }
    const counted = (): number[] =>
      drivers.map((_, index) => coverage.of([{ name: `set-${index}`, hash: old }]).nodes);
    assert.equal(counted().filter((nodes) => nodes === 1).length, 8);
    coverage.onChange({ type: 'deleted', object: trust('a', {}, 'driver-0') });
    coverage.onChange({ type: 'added', object: trust('a', { 'set-19': old }, 'driver-19') });
    assert.deepEqual([counted().at(0), counted().at(-1)], [0, 1]);
    coverage.onChange({ type: 'added', object: trust('b', { 'set-0': old }) });
    assert.equal(counted().at(0), 1);
  });

  it('keeps of a report no more than a driver may write', () => {
    const sets = Array.from({ length: 2_000 }, (_, index) => [`issuer.web.${index}`, old] as const);
    const report = trust('a', Object.fromEntries(sets));
    const slim = slimNodeTrust({ ...report, metadata: { ...report.metadata, annotations: { long: 'x' } } });
    assert.equal(slim.spec.sets.length, 1_024);
    assert.deepEqual(slim.metadata, { name: 'a.csi.certmount.io' });
  });

  it('names a few of those that lack it', () => {
    const coverage = new NodeCoverage();
    for (let index = 0; index < 50; index += 1) {
      coverage.onChange({ type: 'added', object: trust(`node-${index}`, { [set]: old }) });
    }
    assert.equal(coverage.of([{ name: set, hash: present }]).missing.length, 10);
  });

  it('tells of each set that changed, and of no other', () => {
    const coverage = new NodeCoverage();
    const told: string[] = [];
    coverage.subscribe((name) => void told.push(name));
    const take = (): string[] => told.splice(0).toSorted();
    coverage.onChange({ type: 'added', object: trust('a', { x: old, y: old }) });
    assert.deepEqual(take(), ['x', 'y']);
    coverage.onChange({ type: 'added', object: trust('a', { x: present, y: old }) });
    assert.deepEqual(take(), ['x']);
    coverage.onChange({ type: 'added', object: trust('a', { x: present }) });
    assert.deepEqual(take(), ['y']);
  });
});
