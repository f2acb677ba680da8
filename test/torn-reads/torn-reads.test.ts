import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { readWhileRotating, type TornReadsReport } from './read-while-rotating.ts';
import type { ReaderReport } from './readers/seen.ts';

const languages = ['node', 'go', 'python'] as const;
const notRoot = process.getuid?.() === 0 ? false : 'mounting needs root';

describe('a volume that is rotated every 100 ms, under readers', { skip: notRoot, timeout: 120_000 }, () => {
  let report: TornReadsReport;
  before(async () => {
    report = await readWhileRotating({ seconds: 20, everyMs: 100 });
  });

  for (const language of languages) {
    const seen = (): ReaderReport => report.readers[language];

    it(`never has a key without its certificate in the bundle, for ${language}`, (test) => {
      test.diagnostic(JSON.stringify(seen().bundle));
      assert.equal(seen().bundle.mismatches, 0);
      assert.ok(seen().bundle.reads > 1_000);
      assert.ok(seen().bundle.rotations > report.rotations / 2);
    });

    it(`never has key, chain and anchors of two pairs behind one look at ..data, for ${language}`, (test) => {
      test.diagnostic(JSON.stringify(seen().generation));
      assert.equal(seen().generation.mismatches, 0);
      assert.ok(seen().generation.reads > 1_000);
      assert.ok(seen().generation.rotations > report.rotations / 2);
    });
  }

  it('is seen torn by those who open key and chain by their own names, so that readers do notice', (test) => {
    const torn = languages.map((language) => report.readers[language].apart.mismatches);
    test.diagnostic(
      `torn reads by name: ${languages.map((name, index) => `${name} ${torn[index]}`).join(', ')}`,
    );
    for (const [index, language] of languages.entries()) assert.ok((torn[index] ?? 0) > 0, language);
  });
});
