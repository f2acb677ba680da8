import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatSpiffeId, parseSpiffeId } from '../../../../src/pki/index.ts';
import { failsWith, returnsOrRefuses } from '../support/failures.ts';

const lower = 'abcdefghijklmnopqrstuvwxyz0123456789._-';
const textOf = (characters: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...characters.split('')), minLength: 1, maxLength });
const trustDomain = textOf(lower, 40);
const segment = textOf(lower + lower.toUpperCase(), 20).filter((text) => text !== '.' && text !== '..');
const path = fc
  .array(segment, { maxLength: 5 })
  .map((segments) => segments.map((text) => `/${text}`).join(''));

describe('a SPIFFE ID', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(trustDomain, path, (domain, rest) => {
        const text = formatSpiffeId({ trustDomain: domain, path: rest });
        assert.deepEqual(parseSpiffeId(text), { trustDomain: domain, path: rest });
      }),
    );
  });

  it('has its scheme and trust domain in any case, and its path in one', () => {
    assert.deepEqual(parseSpiffeId('SPIFFE://Example.ORG/ns/A'), {
      trustDomain: 'example.org',
      path: '/ns/A',
    });
  });

  it('may have 2048 characters, with 255 of trust domain', () => {
    const domain = 'd'.repeat(255);
    const text = `spiffe://${domain}/${'p'.repeat(2048 - 10 - 255)}`;
    assert.equal(text.length, 2048);
    assert.equal(parseSpiffeId(text).trustDomain, domain);
    assert.throws(() => parseSpiffeId(`${text}p`), failsWith('invalid-spiffe-id', /2048/));
    assert.throws(() => parseSpiffeId(`spiffe://${domain}d/p`), failsWith('invalid-spiffe-id', /255/));
    assert.throws(
      () => formatSpiffeId({ trustDomain: 'd', path: `/${'p'.repeat(2048)}` }),
      failsWith('invalid-spiffe-id', /2048/),
    );
  });

  for (const text of [
    '',
    'spiffe:',
    'spiffe:/',
    'spiffe://',
    'spiffe:///path',
    'http://td/path',
    'spiffe//td/path',
    ' spiffe://td/path',
    'spiffe://td/',
    'spiffe://td/path/',
    'spiffe://td//path',
    'spiffe://td/./path',
    'spiffe://td/../path',
    'spiffe://td/path/..',
    'spiffe://td/pa%20th',
    'spiffe://td/%2e%2e/path',
    'spiffe://td/pa th',
    'spiffe://td/päth',
    'spiffe://td/path?query',
    'spiffe://td/path#fragment',
    'spiffe://td?query',
    'spiffe://td#fragment',
    'spiffe://user@td/path',
    'spiffe://td:8080/path',
    'spiffe://t%64/path',
    'spiffe://t d/path',
    'spiffe://tä/path',
    'spiffe://[::1]/path',
    'spiffe://td\\path',
    'spiffe://td/path\n',
    'spiffe://td\n/path',
    'spiffe://td/a:b',
    'ſpiffe://td/path',
    'spiffe://\u212a/path',
  ])
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseSpiffeId(text), failsWith('invalid-spiffe-id'));
    });

  it('is not made of parts that do not fit', () => {
    for (const id of [
      { trustDomain: 'TD', path: '/a' },
      { trustDomain: '', path: '/a' },
      { trustDomain: 'td/a', path: '' },
      { trustDomain: 'td', path: 'a' },
      { trustDomain: 'td', path: '/' },
      { trustDomain: 'td', path: '/a/../b' },
    ])
      assert.throws(() => formatSpiffeId(id), failsWith('invalid-spiffe-id'));
  });

  it('of any text is read and written the same, or refused', () => {
    const text = fc.oneof(
      fc.string(),
      fc.webUrl().map((url) => url.replace(/^[a-z]+/, 'spiffe')),
      fc.string().map((rest) => `spiffe://${rest}`),
    );
    fc.assert(
      fc.property(text, (any) =>
        returnsOrRefuses(() => {
          const id = parseSpiffeId(any);
          assert.deepEqual(parseSpiffeId(formatSpiffeId(id)), id);
        }),
      ),
    );
  });
});
