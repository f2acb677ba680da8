import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { trustBundleText } from '../../../../../src/controller/trust/cluster-trust-bundles/trust-bundle-text.ts';
import { newCa, newKey } from '../../builders.ts';
import { newLeaf } from '../../pod-certificates/builders.ts';

const signer = { name: 'certmount.io:mesh-ca:anchors', signerName: 'certmount.io/mesh-ca' };

describe('what is written into a ClusterTrustBundle', () => {
  it('is each anchor once, and nothing between them', async () => {
    const [one, other] = [await newCa(), await newCa()];
    const anchors = `# the first\n${one.pem}\n\n${other.pem}Bag Attributes\n${one.pem}`;
    assert.equal(trustBundleText({ ...signer, anchors }), one.pem + other.pem);
  });

  it('is no leaf, no header, and not nothing', async () => {
    const ca = await newCa();
    const refuse = (anchors: string, message: RegExp): void =>
      assert.throws(() => trustBundleText({ ...signer, anchors }), message);
    refuse(ca.pem + (await newLeaf(ca, await newKey())), /is not one of an authority/);
    refuse(ca.pem.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n'), /headers/);
    refuse('', /no PEM block/);
  });

  it('is under a name that the API server takes for its signer', async () => {
    const { pem: anchors } = await newCa();
    for (const [name, signerName] of [
      ['mesh-ca', 'certmount.io/mesh-ca'],
      ['certmount.io:mesh-ca:', 'certmount.io/mesh-ca'],
      ['certmount.io:mesh-ca:a:b', 'certmount.io/mesh-ca'],
      ['certmount.io:other:anchors', 'certmount.io/mesh-ca'],
    ] as const) {
      assert.throws(
        () => trustBundleText({ name, signerName, anchors }),
        /must begin with "certmount\.io:mesh-ca:"/,
      );
    }
    assert.throws(() => trustBundleText({ name: 'a:b', anchors }), /without a signer it must have no ":"/);
    assert.equal(trustBundleText({ name: 'corp-roots', anchors }), anchors);
  });
});
