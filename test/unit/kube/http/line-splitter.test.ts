import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LineSplitter } from '../../../../src/kube/http/line-splitter.ts';
import { assertLittleCpu } from '../../../support/cpu-time.ts';

function split(chunks: readonly Buffer[], maxBytes = 1024): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter(maxBytes, (line) => lines.push(line));
  for (const chunk of chunks) {
    splitter.push(chunk);
  }
  return lines;
}

describe('cutting a stream into lines', () => {
  it('gives the same lines however the bytes are cut, also inside a character', () => {
    const line = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 40 })
      .filter((text) => !text.includes('\n'));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(60)), (lines, cuts) => {
        // Lone surrogates do not survive UTF-8; what the encoder makes of them has to.
        const expected = lines.map((text) => text.toWellFormed());
        const bytes = Buffer.from(expected.map((text) => `${text}\n`).join(''));
        const chunks: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        chunks.push(bytes.subarray(at));
        assert.deepEqual(split(chunks), expected);
      }),
    );
  });

  it('skips empty lines and holds back an unfinished one', () => {
    assert.deepEqual(split([Buffer.from('\n{"a":1}\n\n{"b":')]), ['{"a":1}']);
  });

  it('refuses a line over the limit, finished or not', () => {
    assert.deepEqual(split([Buffer.from('12345\n')], 5), ['12345']);
    assert.throws(() => split([Buffer.from('123456\n')], 5), /longer than 5 bytes/);
    assert.throws(() => split([Buffer.from('123'), Buffer.from('456')], 5), /longer than 5 bytes/);
  });

  it('takes a line of many chunks in linear time', async () => {
    const chunk = Buffer.alloc(64, 'x');
    const chunks = Array.from({ length: 100_000 }, () => chunk);
    chunks.push(Buffer.from('\n'));
    await assertLittleCpu(() => assert.equal(split(chunks, 8 * 1024 * 1024)[0]?.length, 6_400_000));
  });
});
