import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodePem, encodePrivateKey } from '../../../../../src/pki/index.ts';
import { gatherAnchors, maxTextLength } from '../../../../../src/controller/trust/bundles/gather-anchors.ts';
import type { SourceContent } from '../../../../../src/controller/trust/bundles/gather-anchors.ts';
import { now } from '../../builders.ts';
import { inOrder, newRoot } from './support.ts';

const hour = 3_600_000;
const [a, b, c] = await Promise.all([newRoot('A'), newRoot('B'), newRoot('C')]);

const text = (pem: string, name = 'inLine'): SourceContent => ({ state: 'texts', texts: [{ name, pem }] });
const gather = (...contents: SourceContent[]) => gatherAnchors(contents, now);

describe('gathering the anchors of a Bundle', () => {
  it('has each once, in an order that is not that of the sources', () => {
    const one = gather(text(a.pem + b.pem), text(c.pem));
    const other = gather(text(c.pem), text(`# roots\n\n${b.pem}\r\n${a.pem}`));
    assert.deepEqual(
      one.anchors.map(({ pem }) => pem),
      inOrder(a, b, c).map(({ pem }) => pem),
    );
    assert.deepEqual(
      one.anchors.map(({ pem }) => pem),
      other.anchors.map(({ pem }) => pem),
    );
    assert.deepEqual(one.leftOut, []);
    assert.deepEqual(one.failures, []);
  });

  it('leaves out what is there twice, over, or no authority', async () => {
    const old = await newRoot('Old', { notBefore: new Date(now - 2 * hour), notAfter: new Date(now - hour) });
    const leaf = await newRoot('Leaf', {
      isCA: false,
      usages: { keyUsages: [], extendedKeyUsages: ['serverAuth'] },
    });
    const { anchors, leftOut } = gather(text(a.pem + old.pem, 'first'), text(leaf.pem + a.pem, 'second'));
    assert.deepEqual(
      anchors.map(({ pem }) => pem),
      [a.pem],
    );
    assert.deepEqual(leftOut, [
      { reason: 'expired', source: 'first', subject: 'CN=Old' },
      { reason: 'not-ca', source: 'second', subject: 'CN=Leaf' },
      { reason: 'duplicate', source: 'second', subject: 'CN=A' },
    ]);
  });

  it('knows when the first anchor ends: after its last second', async () => {
    const soon = await newRoot('Soon', { notAfter: new Date(now + hour) });
    const { changesAt } = gather(text(a.pem + soon.pem));
    assert.equal(changesAt, now + hour + 1000);
    assert.equal(gatherAnchors([text(soon.pem)], now + hour).anchors.length, 1);
    assert.equal(gatherAnchors([text(soon.pem)], now + hour + 1000).anchors.length, 0);
    assert.equal('changesAt' in gather(), false);
  });

  it('takes one that is not valid yet', async () => {
    const coming = await newRoot('Coming', { notBefore: new Date(now + hour) });
    assert.equal(gather(text(coming.pem)).anchors.length, 1);
  });

  describe('from a source that wants to do harm', () => {
    const der = a.certificate.der;
    const hostile: Record<string, string> = {
      'a key beside a certificate': a.pem + encodePrivateKey(a.key, 'PKCS8'),
      'an unfinished block': a.pem + b.pem.slice(0, 200),
      'a cut boundary': a.pem.replace('-----END CERTIFICATE-----', '-----END CERTIFICATE'),
      headers: a.pem.replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n'),
      'other base64': a.pem.replace(/[A-Za-z]{4}\n/, 'é!é!\n'),
      nothing: '',
      binary: Buffer.from(der).toString('latin1'),
      'a million dashes': '-'.repeat(1_000_000),
      'more than an object can have': `${a.pem}${' '.repeat(2 * 1024 * 1024)}`,
      'another label': a.pem.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
    };
    for (const [what, pem] of Object.entries(hostile)) {
      it(`takes nothing of ${what}, and all of the others`, () => {
        const { anchors, failures } = gather(text(pem, 'configMap "bad", key "x"'), text(b.pem));
        assert.deepEqual(
          anchors.map((anchor) => anchor.pem),
          [b.pem],
        );
        assert.equal(failures.length, 1);
        assert.equal(failures[0]?.reason, 'invalid');
        assert.match(failures[0]?.message ?? '', /^configMap "bad", key "x"/);
        assert.ok((failures[0]?.message.length ?? 0) < 300);
        assert.doesNotMatch(failures[0]?.message ?? '', /[A-Za-z0-9+/]{40}/, 'no content in messages');
      });
    }

    it('leaves out a single certificate that it cannot read, and takes those around it', () => {
      const mangled = Buffer.from(der);
      mangled.fill(0xff, 20, 60);
      const pem =
        a.pem +
        encodePem('CERTIFICATE', mangled) +
        encodePem('CERTIFICATE', Buffer.from([0x30, 0x80])) +
        b.pem;
      const { anchors, leftOut, failures } = gather(text(pem, 'mixed'));
      assert.equal(anchors.length, 2);
      assert.deepEqual(failures, []);
      assert.deepEqual(
        leftOut.map(({ reason, source }) => [reason, source]),
        [
          ['unreadable', 'mixed'],
          ['unreadable', 'mixed'],
        ],
      );
    });

    it('reads no more of many texts than any target could hold four times', () => {
      const padding = `${' '.repeat(1_900_000)}\n`;
      const texts = ['1', '2', '3'].map((name) => ({ name, pem: padding + a.pem }));
      assert.ok(padding.length * 3 > maxTextLength);
      const { failures } = gather({ state: 'texts', texts }, text(b.pem, '4'));
      assert.deepEqual(
        failures.map(({ message }) => message.slice(0, 2)),
        ['3:', '4:'],
      );
    });
  });
});
