import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nearest } from '../../../src/runtime/nearest.ts';

const names = ['issuer-name', 'issuer-kind', 'issuer-group', 'dns-names', 'uri-sans', 'duration'];

describe('nearest', () => {
  for (const [text, meant] of [
    ['issuer-nam', 'issuer-name'],
    ['isuser-kind', 'issuer-kind'],
    ['Duration', 'duration'],
    ['dnsnames', 'dns-names'],
    ['uri-san', 'uri-sans'],
  ] as const) {
    it(`takes ${text} for ${meant}`, () => assert.equal(nearest(text, names), meant));
  }

  it('has no answer for what is like none', () => {
    assert.equal(nearest('password', names), undefined);
    assert.equal(nearest('', names), undefined);
    assert.equal(nearest('x', []), undefined);
    assert.equal(nearest('x'.repeat(100_000), names), undefined);
  });

  it('prefers the first of equals', () => {
    assert.equal(nearest('cat', ['bat', 'rat']), 'bat');
  });
});
