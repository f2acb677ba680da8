import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkUri } from '../../../../src/pki/names/check-name.ts';
import { failsWith, returnsOrRefuses } from '../support/failures.ts';

const secondSpellings: Readonly<Record<string, readonly string[]>> = {
  'capitals in its scheme': ['SPIFFE://td/a', 'sPiffe:a'],
  'capitals in its trust domain': ['spiffe://Cluster.local/a', 'spiffe://tD'],
  'a query that is empty': ['spiffe://td/a?', 'spiffe://td/a?#b', 'urn:a?'],
  'a fragment that is empty': ['spiffe://td/a#', 'spiffe://td/a?b#', 'urn:a#'],
  'more than one fragment': ['spiffe://td/a#b#c'],
  'a user before its host': ['spiffe://a@td/b', 'spiffe://td@other', 'https://a:b@c/'],
  'a port that is empty': ['spiffe://td:/a', 'https://td:'],
  'neither host nor path': ['spiffe://', 'spiffe://?a', 'spiffe://#a'],
  'percent-encoding in its host': ['spiffe://t%64/a', 'https://a%2eb/'],
  'a segment "." or ".."': ['spiffe://td/a/../b', 'spiffe://td/.', 'spiffe://td/a/..?b', 'urn:..'],
  'percent-encodes what': ['spiffe://td/%61', 'spiffe://td/a%2Fb', 'spiffe://td/%2e%2E/a', 'urn:%7E'],
};

describe('a URI that is asked for', () => {
  for (const [problem, uris] of Object.entries(secondSpellings))
    it(`is refused with ${problem}: its parts could mean another than its text`, () => {
      for (const uri of uris) assert.throws(() => checkUri(uri), failsWith('invalid-name', wording(problem)));
    });

  it('is refused with a host or a port that Go fails to read', () => {
    const uris = ['https://a:b/', 'https://[::1/', 'https://[::1]x/', 'https://a[b]/', 'https://[a]/'];
    const hosts = ['https://[1.2.3.4]/', 'https://a:b:1/', 'spiffe://a..b/', 'https://a./', 'https://.a/'];
    for (const uri of [...uris, ...hosts, 'https://[v1.x]/'])
      assert.throws(() => checkUri(uri), failsWith('invalid-name', /host or a port/));
  });

  it('comes out of a parser as it went in, where it is taken', () => {
    const heads = ['spiffe://td', 'spiffe://td/', 'SPIFFE://td/', 'spiffe:', 'spiffe://td:80'];
    const parts = ['a', 'B', '/', '/./', '/../', '.', '?', '#', '@', ':', '%61', '%2f', '%20', '[', '!'];
    const tail = fc.array(fc.constantFrom(...parts), { maxLength: 8 }).map((some) => some.join(''));
    fc.assert(
      fc.property(fc.constantFrom(...heads), tail, (head, rest) => {
        const uri = head + rest;
        fc.pre(URL.canParse(uri));
        returnsOrRefuses(() => assert.equal(new URL(checkUri(uri)).href, uri));
      }),
    );
  });

  it('may be none of SPIFFE', () => {
    for (const uri of [
      'https://a.example:8443/b/c%20d?e=%26&f=.#g/h',
      'https://[2001:db8::1]/',
      'https://[::ffff:10.0.0.1]:443',
      'file:///a/b',
      'https://Host.example/',
      'spiffe://td/A',
      'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
      'sip:user@host.example',
      'spiffe://td/a/...b/.c/d..',
      'spiffe://td/a?b?',
    ])
      assert.equal(checkUri(uri), uri);
  });
});

function wording(problem: string): RegExp {
  return new RegExp(problem.replaceAll('.', '\\.'));
}
