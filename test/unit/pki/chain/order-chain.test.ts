import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Authority,
  type Certificate,
  orderChain,
  parseCertificate,
  signCertificate,
} from '../../../../src/pki/index.ts';
import { authorityTemplate, makeIntermediate, makeLeaf, makeRoot } from '../support/builders.ts';
import { failsWith } from '../support/failures.ts';

describe('ordering a chain', () => {
  let root: Authority;
  let upper: Authority;
  let lower: Authority;
  let leaf: Authority;
  let chain: Certificate[];
  before(async () => {
    root = await makeRoot();
    upper = await makeIntermediate(root, 'upper');
    lower = await makeIntermediate(upper, 'lower');
    leaf = await makeLeaf(lower);
    chain = [leaf, lower, upper, root].map(({ certificate }) => certificate);
  });

  it('puts the leaf first from any order, and keeps each certificate once', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 0, 3, 1], { minLength: 7 }), (order) => {
        assert.deepEqual(orderChain(order.map((index) => chain[index] as Certificate)), chain);
      }),
      { numRuns: 30 },
    );
  });

  it('does without a root, and with a root alone', () => {
    assert.deepEqual(orderChain([upper.certificate, leaf.certificate, lower.certificate]), chain.slice(0, 3));
    assert.deepEqual(orderChain([root.certificate]), [root.certificate]);
  });

  it('tells authorities of one name by their keys', async () => {
    const namesake = await makeRoot();
    const below = await makeLeaf(namesake);
    assert.deepEqual(orderChain([namesake.certificate, below.certificate]), [
      below.certificate,
      namesake.certificate,
    ]);
    assert.throws(() => orderChain([root.certificate, below.certificate]), failsWith('not-a-chain'));
  });

  it('refuses what is not one chain', async () => {
    const notAChain = failsWith('not-a-chain');
    assert.throws(() => orderChain([]), notAChain);
    assert.throws(() => orderChain([leaf.certificate, upper.certificate]), notAChain);
    const stranger = await makeRoot('stranger');
    assert.throws(() => orderChain([...chain, stranger.certificate]), notAChain);
    const sibling = await makeLeaf(lower);
    assert.throws(() => orderChain([...chain, sibling.certificate]), notAChain);
  });

  it('refuses two certificates of one issuer, and authorities that certify each other', async () => {
    const other = await makeRoot('other');
    const cross = async (subject: Authority, name: string, issuer: Authority) =>
      parseCertificate(await signCertificate(authorityTemplate(name, subject.key), issuer));
    const rootByOther = await cross(root, 'root', other);
    const otherByRoot = await cross(other, 'other', root);
    assert.throws(() => orderChain([...chain, rootByOther]), failsWith('not-a-chain', /two of the others/));
    assert.throws(() => orderChain([rootByOther, otherByRoot]), failsWith('not-a-chain'));
    const below = await makeLeaf(root);
    const circle = [below.certificate, rootByOther, otherByRoot];
    assert.throws(() => orderChain(circle), failsWith('not-a-chain', /in a circle/));
  });

  it('refuses more certificates than a chain has', () => {
    const many = Array.from({ length: 17 }, (_, index) => ({
      ...root.certificate,
      der: Buffer.concat([root.certificate.der, Buffer.of(index)]),
    }));
    assert.throws(() => orderChain(many), failsWith('not-a-chain', /at most 16/));
  });
});
