import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AnchorCache } from '../../../../../src/driver/volume/issuance/anchor-cache.ts';
import { Authority } from '../../support/authority.ts';

describe('the cache of trust anchors', () => {
  it('parses the same text once, and another one anew', async () => {
    const cache = new AnchorCache();
    const [one, two] = await Promise.all([Authority.create(0, 'one'), Authority.create(0, 'two')]);
    const first = cache.read(one.certificate.pem);
    assert.equal(cache.read(one.certificate.pem), first);
    assert.equal(cache.read(two.certificate.pem)[0]?.subject.commonName, 'two');
    assert.equal(cache.read(one.certificate.pem + two.certificate.pem).length, 2);
  });

  it('remembers a few, not all that ever were, and no failure', async () => {
    const cache = new AnchorCache();
    const { certificate } = await Authority.create(0);
    const first = cache.read(certificate.pem);
    for (let count = 1; count <= 16; count++) cache.read(certificate.pem + '\n'.repeat(count));
    assert.notEqual(cache.read(certificate.pem), first);
    assert.throws(() => cache.read('garbage'));
    assert.throws(() => cache.read('garbage'));
  });
});
