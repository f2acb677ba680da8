import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { renderGeneration } from '../../../../src/driver/volume/files/render-generation.ts';
import { renderPlaceholder } from '../../../../src/driver/volume/files/render-placeholder.ts';
import { VolumeFiles } from '../../../../src/driver/volume/files/volume-files.ts';
import { generationNumber, readGeneration } from '../../../../src/driver/volume/read-generation.ts';
import type { FileLayout, VolumeSpec } from '../../../../src/driver/volume/volume-spec.ts';
import { type KeyEncoding, type KeySpec, publicKeyOf, samePublicKey } from '../../../../src/pki/index.ts';
import { bundleLayout, fullLayout, type KeyAndMaterial, makeIssued, specWith } from '../support/issued.ts';
import { removeTree } from '../support/remove-tree.ts';

const writtenAt = Date.UTC(2026, 10, 22, 12, 1, 0);
let volume: string;
let files: VolumeFiles;

beforeEach(() => {
  volume = fs.mkdtempSync(join(tmpdir(), 'certmount-read-'));
  files = new VolumeFiles({}, { fs, now: () => new Date(writtenAt) });
});
afterEach(() => removeTree(volume));

const kinds: readonly (readonly [KeySpec, readonly KeyEncoding[]])[] = [
  [{ algorithm: 'RSA', size: 2048 }, ['PKCS1', 'PKCS8']],
  [{ algorithm: 'ECDSA', size: 256 }, ['SEC1', 'PKCS8']],
  [{ algorithm: 'Ed25519' }, ['PKCS8']],
];

interface Case {
  readonly issued: KeyAndMaterial;
  readonly spec: VolumeSpec;
  readonly generation: number;
}

const pemOf = (certificates: readonly { readonly pem: string }[]): string =>
  certificates.map(({ pem }) => pem).join('');

function write({ generation, issued, spec }: Case): void {
  const context = { generation, renewAt: writtenAt + 1, password: undefined };
  files.write(volume, renderGeneration(spec, issued.key, issued, context));
}

describe('what a restarted driver reads', () => {
  const materials: { readonly spec: KeySpec; readonly issued: KeyAndMaterial }[] = [];
  before(async () => {
    for (const [spec] of kinds)
      for (const length of [1, 3]) materials.push({ spec, issued: await makeIssued(spec, length) });
  });
  after(() => materials.splice(0));

  const optional = (name: string): fc.Arbitrary<string | undefined> =>
    fc.option(fc.constantFrom(name, `${name}.other`), { nil: undefined });
  /** There is the bundle, or both the key and the chain. */
  const layouts: fc.Arbitrary<FileLayout> = fc
    .record({
      certificate: optional('tls.crt'),
      privateKey: optional('tls.key'),
      ca: optional('ca.crt'),
      emptyCa: fc.boolean(),
      spiffeBundle: optional('bundle.json'),
      bundle: optional('bundle.pem'),
      combined: optional('combined.pem'),
      certificateDer: optional('tls.der'),
      privateKeyDer: optional('key.der'),
      info: optional('certificate.json'),
      generation: optional('generation'),
    })
    .filter(
      ({ bundle, certificate, privateKey }) =>
        bundle !== undefined || (certificate !== undefined && privateKey !== undefined),
    );

  it('is what was written, whatever the layout', () => {
    const cases = fc
      .record({
        layout: layouts,
        kind: fc.nat(materials.length - 1),
        encoding: fc.nat(1),
        hasAnchors: fc.boolean(),
        generation: fc.integer({ min: 1, max: 1_000_000 }),
      })
      .map(({ encoding, generation, hasAnchors, kind, layout }): Case => {
        const material = materials[kind];
        assert.ok(material);
        const { issued, spec } = material;
        const encodings = kinds.find(([keySpec]) => keySpec === spec)?.[1] ?? [];
        const key = { spec, encoding: encodings[encoding % encodings.length] ?? 'PKCS8', reuse: false };
        return {
          issued: hasAnchors ? issued : { ...issued, anchors: [] },
          spec: specWith({ files: layout, key }, volume),
          generation,
        };
      });
    fc.assert(
      fc.property(cases, (written) => {
        write(written);
        const { issued, spec } = written;
        const found = readGeneration(spec, files);
        assert.ok(found);
        assert.ok(found.key.equals(issued.key));
        assert.ok(samePublicKey(found.leaf.publicKey, publicKeyOf(issued.key)));
        assert.equal(found.certificates, pemOf(issued.chain));
        assert.equal(found.ca, spec.files.ca === undefined ? '' : pemOf(issued.anchors));
        assert.equal(found.writtenAt, writtenAt);
        assert.equal(found.generation, spec.files.generation === undefined ? 0 : written.generation);
        const names = fs.readdirSync(volume).filter((name) => !name.startsWith('..'));
        for (const name of names) assert.ok(fs.existsSync(join(volume, name)), `${name} leads nowhere`);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a volume that another version of the driver has written', () => {
  let issued: KeyAndMaterial;
  before(async () => {
    issued = await makeIssued();
  });

  it('is read by what it has of key and chain', () => {
    const old = specWith(
      { files: { ...bundleLayout, certificate: 'tls.crt', privateKey: 'tls.key' } },
      volume,
    );
    write({ issued, spec: old, generation: 3 });
    for (const layout of [fullLayout, bundleLayout, { ...fullLayout, certificate: 'cert-chain.pem' }]) {
      const found = readGeneration(specWith({ files: layout }, volume), files);
      assert.equal(found?.certificates, pemOf(issued.chain));
      assert.equal(found.generation, 0, 'it had no numbers');
    }
  });

  it('gets the names that it lacks, and loses those that it has too many, with the next generation', () => {
    const old = specWith({ files: { ...fullLayout, generation: undefined } }, volume);
    write({ issued, spec: old, generation: 1 });
    const spec = specWith({ files: { ...bundleLayout, generation: 'generation' } }, volume);
    write({ issued, spec, generation: generationNumber(spec, files) + 1 });
    const names = fs.readdirSync(volume).filter((name) => !name.startsWith('..'));
    assert.deepEqual(names.sort(), ['credential-bundle.pem', 'generation']);
    assert.equal(readGeneration(spec, files)?.generation, 1);
  });
});

describe('a volume that is not whole', () => {
  let issued: KeyAndMaterial;
  before(async () => {
    issued = await makeIssued();
  });

  it('is not read: empty, with a placeholder, or with a key and a certificate that do not match', async () => {
    const spec = specWith({ files: fullLayout }, volume);
    assert.equal(readGeneration(spec, files), undefined);
    files.write(volume, renderPlaceholder(spec));
    assert.equal(readGeneration(spec, files), undefined);
    const other = await makeIssued();
    write({ issued: { ...issued, key: other.key }, spec, generation: 1 });
    assert.equal(readGeneration(spec, files), undefined);
  });
});

describe('the number of a generation', () => {
  it('is 0 for a placeholder, which has the file where the layout has it, and nothing else', () => {
    const spec = specWith({ files: fullLayout, group: undefined }, volume);
    files.write(volume, renderPlaceholder(spec));
    assert.equal(fs.readFileSync(join(volume, 'generation'), 'utf8'), '0\n');
    assert.deepEqual(
      fs.readdirSync(volume).filter((name) => !name.startsWith('..')),
      ['generation'],
    );
    assert.equal(generationNumber(spec, files), 0);
    assert.deepEqual(renderPlaceholder(specWith({ files: bundleLayout, group: 4711 })), {
      files: new Map(),
      group: 4711,
    });
  });

  it('is 0 where nothing or nonsense is there', () => {
    const spec = specWith({ files: fullLayout }, volume);
    assert.equal(generationNumber(spec, files), 0);
    for (const text of ['', 'x\n', '7', '-7\n', '7\n7\n', '9'.repeat(16) + '\n']) {
      files.write(volume, { files: new Map([['generation', text]]), group: undefined });
      assert.equal(generationNumber(spec, files), 0, JSON.stringify(text));
    }
  });
});
