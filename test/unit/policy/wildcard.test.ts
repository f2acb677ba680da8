import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchesWildcard } from '../../../src/policy/wildcard.ts';
import { assertLittleCpu } from '../../support/cpu-time.ts';

/** As the words say it, by trying every place: slow, and too simple to be wrong. */
function matchesByDefinition(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  if (pattern.startsWith('*'))
    return (
      matchesByDefinition(pattern.slice(1), text) ||
      (text !== '' && matchesByDefinition(pattern, text.slice(1)))
    );
  return text[0] === pattern[0] && matchesByDefinition(pattern.slice(1), text.slice(1));
}

describe('a pattern of a policy', () => {
  it('without a star is the text itself, in its case', () => {
    assert.ok(matchesWildcard('a.example', 'a.example'));
    for (const text of ['A.example', 'a.example.', 'xa.example', 'a.examples', ''])
      assert.ok(!matchesWildcard('a.example', text), text);
    assert.ok(matchesWildcard('', ''));
    assert.ok(!matchesWildcard('', 'a'));
  });

  it('has a star for any characters, dots and slashes among them, or none', () => {
    assert.ok(matchesWildcard('*', ''));
    assert.ok(matchesWildcard('*.example', '.example'));
    assert.ok(matchesWildcard('*.example', 'a.b.example'));
    assert.ok(matchesWildcard('spiffe://*/ns/*/sa/*', 'spiffe://td/ns/web/sa/api'));
    assert.ok(!matchesWildcard('*.example', 'example'));
    assert.ok(!matchesWildcard('a*a', 'a'));
    assert.ok(!matchesWildcard('a*b*b', 'ab'));
  });

  it('takes every other character as it is', () => {
    assert.ok(!matchesWildcard('a.c', 'abc'));
    assert.ok(!matchesWildcard('[a-z]', 'a'));
    assert.ok(matchesWildcard('a?b', 'a?b'));
  });

  it('matches what its words say, whatever it is', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 10 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    fc.assert(
      fc.property(letters, text, (pattern, value) => {
        assert.equal(matchesWildcard(pattern, value), matchesByDefinition(pattern, value));
      }),
      { numRuns: 2000 },
    );
  });

  it('is quick about many stars and a text that almost matches', () =>
    assertLittleCpu(() => assert.ok(!matchesWildcard('*a'.repeat(1000) + 'b', 'a'.repeat(50_000)))));
});
