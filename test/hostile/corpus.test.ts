import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseMountTable } from '../../src/driver/volume/mount/mount-table.ts';
import { parseVolumeRecord } from '../../src/driver/volume/state/volume-record.ts';
import { VolumeError } from '../../src/driver/volume/volume-error.ts';
import {
  decodePrivateKey,
  encodePem,
  parseCertificate,
  parseChain,
  parseRequest,
  PkiError,
} from '../../src/pki/index.ts';
import { specOf } from '../unit/driver/support/builders.ts';
import { assertLittleCpu } from '../support/cpu-time.ts';
import { assertGrowsWithInput, refusal } from './support/growth.ts';

const corpus = join(import.meta.dirname, 'corpus');

/** Whoever gets a text that it does not expect. Each file of the corpus goes through all of them. */
const readers: Readonly<Record<string, (text: string) => unknown>> = {
  'a certificate': (text) => refusal(PkiError, () => parseCertificate(text)),
  'a chain': (text) => refusal(PkiError, () => parseChain(text)),
  'a request': (text) => refusal(PkiError, () => parseRequest(text)),
  'a private key': (text) => refusal(PkiError, () => decodePrivateKey(text)),
  // RangeError would be a stack that overflowed.
  'a record of a volume': (text) =>
    assert.ok(!(refusal(Error, () => parseVolumeRecord(text)) instanceof RangeError)),
  'a mount table': (text) => parseMountTable(text),
  'an attribute': (text) => refusal(VolumeError, () => specOf({ 'dns-names': text })),
};

describe('the corpus', () => {
  const files = globSync('**/*.*', { cwd: corpus }).sort();
  assert.ok(files.length > 30);
  for (const file of files) {
    it(`${file} is read or refused by everybody, at once`, async () => {
      const octets = readFileSync(join(corpus, file));
      const texts = file.endsWith('.der')
        ? ['CERTIFICATE', 'CERTIFICATE REQUEST', 'PRIVATE KEY'].map((label) => encodePem(label, octets))
        : [octets.toString('utf8'), octets.toString('latin1')];
      for (const read of Object.values(readers)) {
        for (const text of texts) await assertLittleCpu(() => read(text), 2_000);
      }
    });
  }

  for (const file of files.filter((name) => name.endsWith('.der')))
    it(`${file} is no certificate`, () => {
      const pem = encodePem('CERTIFICATE', readFileSync(join(corpus, file)));
      assert.ok(refusal(PkiError, () => parseCertificate(pem)) !== undefined);
    });
});

describe('what is read', () => {
  const record = (size: number): string =>
    JSON.stringify({
      version: 1,
      volumeId: 'csi-1',
      targetPath: '/x',
      request: 'r',
      context: Object.fromEntries(
        Array.from({ length: size }, (_, index) => [`key-${index}`, 'v'.repeat(20)]),
      ),
    });
  const mountTable = (size: number): string =>
    '36 35 0:34 / /a\\040b rw,noatime shared:1 master:2 - tmpfs csi.certmount.io rw\n'.repeat(size);
  const grows: Readonly<Record<string, readonly [size: number, prepare: (size: number) => () => unknown]>> = {
    'as a record': [
      1_000,
      (size) => {
        const text = record(size);
        return () => parseVolumeRecord(text);
      },
    ],
    'as a mount table': [
      1_000,
      (size) => {
        const text = mountTable(size);
        return () => parseMountTable(text);
      },
    ],
    'as lines without an end, for a chain': [
      10_000,
      (size) => {
        const text = `-----BEGIN A-----\n${'A\n'.repeat(size)}`;
        return () => refusal(PkiError, () => parseChain(text));
      },
    ],
    'as a list of names': [
      100,
      (size) => {
        const names = Array.from({ length: size }, (_, index) => `n${index}.x`).join(',');
        return () => specOf({ 'dns-names': names });
      },
    ],
    'as variables': [
      90,
      (size) => {
        const text = '${POD_NAME}'.repeat(size);
        return () => refusal(VolumeError, () => specOf({ 'uri-sans': text }));
      },
    ],
    'as a long unknown attribute': [
      10_000,
      (size) => {
        const name = 'issuer-nam'.repeat(size / 10);
        return () => refusal(VolumeError, () => specOf({ [name]: 'x' }));
      },
    ],
  };
  for (const [how, [size, prepare]] of Object.entries(grows))
    it(`${how} takes time in proportion to its length`, async () => {
      await assertGrowsWithInput(size, prepare);
    });
});
