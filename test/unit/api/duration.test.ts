import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../../src/api/duration.ts';
import { ApiError } from '../../../src/api/errors.ts';

const hour = 3_600_000;

describe('parseDuration', () => {
  const understood: [text: string, ms: number][] = [
    ['2160h', 2160 * hour],
    ['2160h0m0s', 2160 * hour],
    ['1h30m', 1.5 * hour],
    ['1.5h', 1.5 * hour],
    ['.5s', 500],
    ['5.s', 5000],
    ['90s', 90_000],
    ['250ms', 250],
    ['1500us', 1.5],
    ['1500µs', 1.5],
    ['1500μs', 1.5],
    ['1000000ns', 1],
    ['-10s', -10_000],
    ['+10s', 10_000],
    ['0', 0],
    ['-0', 0],
    ['0s', 0],
    ['1s1h', hour + 1000],
    ['2562047h47m16.854775807s', 9_223_372_036_854.775],
  ];
  for (const [text, ms] of understood) {
    it(`reads ${text} as Go does`, () => assert.equal(parseDuration(text), ms));
  }

  const refused = [
    '',
    '90',
    '1d',
    'h',
    '.h',
    '.',
    '-',
    '+-1s',
    '1h 30m',
    ' 1h',
    '1H',
    '1,5h',
    '1e3s',
    '1.5.h',
    '0x1s',
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseDuration(text), isInvalid));
  }

  it('refuses what Go cannot hold', () => {
    assert.throws(() => parseDuration('2562048h'), isInvalid);
  });

  it('does not take long over long nonsense', () => {
    assert.throws(() => parseDuration('1'.repeat(1_000_000)), isInvalid);
    assert.throws(() => parseDuration('1s'.repeat(1_000_000)), isInvalid);
  });

  it('says how to write one', () => {
    assert.throws(() => parseDuration('90 days'), /"90 days" is not a duration: write it as in "2160h"/);
  });
});

describe('formatDuration', () => {
  const written: [ms: number, text: string][] = [
    [0, '0s'],
    [-0, '0s'],
    [2160 * hour, '2160h0m0s'],
    [1.5 * hour, '1h30m0s'],
    [90_000, '1m30s'],
    [1500, '1.5s'],
    [250, '250ms'],
    [1.5, '1.5ms'],
    [0.0015, '1.5µs'],
    [0.000001, '1ns'],
    [-1500, '-1.5s'],
  ];
  for (const [ms, text] of written) {
    it(`writes ${ms} ms as ${text}`, () => assert.equal(formatDuration(ms), text));
  }

  it('is read back as what was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: -9_000_000_000_000, max: 9_000_000_000_000 }), (ms) => {
        assert.equal(parseDuration(formatDuration(ms)), ms === 0 ? 0 : ms);
      }),
    );
  });

  it('reads and writes any text of terms without a loss beyond a nanosecond', () => {
    const unit = fc.constantFrom('ns', 'us', 'µs', 'ms', 's', 'm', 'h');
    const number = fc.tuple(
      fc.nat({ max: 9999 }),
      fc.option(fc.stringMatching(/^\d{1,9}$/), { nil: undefined }),
    );
    const term = fc
      .tuple(number, unit)
      .map(([[whole, fraction], of]) => `${whole}${fraction === undefined ? '' : `.${fraction}`}${of}`);
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 4 }), (terms) => {
        const ms = parseDuration(terms.join(''));
        assert.ok(Math.abs(parseDuration(formatDuration(ms)) - ms) <= 1e-6 + Math.abs(ms) * 1e-12);
      }),
    );
  });
});

function isInvalid(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'invalid-duration';
}
