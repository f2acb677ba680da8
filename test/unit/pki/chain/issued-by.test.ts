import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode, sequence } from '../../../../src/pki/der/writer.ts';
import { type Certificate, issuesAs, parseCertificate } from '../../../../src/pki/index.ts';
import { makeRoot } from '../support/builders.ts';
import { forgeCertificate, forgeExtension } from '../support/forge.ts';

const { key } = await makeRoot('mesh');

/** With the name, and the key, of every other one from here. */
function withKeyIdentifier(...octets: readonly number[]): Certificate {
  const identifier = forgeExtension('2.5.29.14', encode(0x04, Buffer.from(octets)));
  const extensions = octets.length === 0 ? Buffer.alloc(0) : encode(0xa3, sequence(identifier));
  return parseCertificate(forgeCertificate(key, { extensions }));
}

describe('what one CA signs', () => {
  it('is what another one of its name and key signs, unless they name that key differently', () => {
    assert.equal(issuesAs(withKeyIdentifier(1), withKeyIdentifier(1)), true);
    assert.equal(issuesAs(withKeyIdentifier(1), withKeyIdentifier(2)), false);
    assert.equal(issuesAs(withKeyIdentifier(), withKeyIdentifier(2)), true);
    assert.equal(issuesAs(withKeyIdentifier(1), withKeyIdentifier()), true);
  });

  it('is not what one of its name with another key signs', async () => {
    const [one, other] = await Promise.all([makeRoot('mesh'), makeRoot('mesh')]);
    assert.equal(issuesAs(one.certificate, other.certificate), false);
  });
});
