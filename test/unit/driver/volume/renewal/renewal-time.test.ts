import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { renewalTime } from '../../../../../src/driver/volume/renewal/renewal-time.ts';
import { hour, minute, second } from '../../support/builders.ts';

const issuedAt = Date.UTC(2026, 0, 1);
const dayLong = { notBefore: issuedAt - minute, notAfter: issuedAt + 24 * hour };

describe('the time to renew', () => {
  it('is two thirds of the lifetime from the issuance on', () => {
    assert.equal(renewalTime(dayLong, issuedAt, undefined, 0), issuedAt + 16 * hour);
  });

  it('is brought forward by up to a tenth of the lifetime', () => {
    assert.equal(renewalTime(dayLong, issuedAt, undefined, 1), issuedAt + 16 * hour - 2.4 * hour);
  });

  it('is renew-before the end, brought forward all the same', () => {
    assert.equal(renewalTime(dayLong, issuedAt, hour, 0), issuedAt + 23 * hour);
    assert.equal(renewalTime(dayLong, issuedAt, hour, 0.5), issuedAt + 23 * hour - 1.2 * hour);
  });

  it('takes no account of a renew-before that is not shorter than what was left of the lifetime at the issuance', () => {
    for (const renewBefore of [24 * hour, 24 * hour + minute - 1, 24 * hour + minute, 48 * hour])
      assert.equal(renewalTime(dayLong, issuedAt, renewBefore, 0), issuedAt + 16 * hour);
  });

  it('is after a twentieth of the lifetime where renew-before leaves no more', () => {
    assert.equal(renewalTime(dayLong, issuedAt, 24 * hour - 1, 0), issuedAt + 72 * minute);
    assert.equal(renewalTime(dayLong, issuedAt, 24 * hour - 1, 1), issuedAt + 36 * minute);
    const ofTenMinutes = { notBefore: issuedAt - minute, notAfter: issuedAt + 9 * minute };
    assert.equal(renewalTime(ofTenMinutes, issuedAt, 9 * minute - 1, 0), issuedAt + 27 * second);
    assert.equal(renewalTime(ofTenMinutes, issuedAt, 8.5 * minute, 0), issuedAt + 30 * second);
  });

  it('is after a second at the earliest, or half of a lifetime that is shorter than two', () => {
    const ofSeconds = (length: number): number =>
      renewalTime({ notBefore: issuedAt, notAfter: issuedAt + length }, issuedAt, length - 1, 0) - issuedAt;
    assert.deepEqual([10 * second, second].map(ofSeconds), [second, second / 2]);
  });

  it('is not at once for a certificate of a minute that was backdated by a minute', () => {
    const minuteLong = { notBefore: issuedAt - minute, notAfter: issuedAt + minute };
    assert.equal(renewalTime(minuteLong, issuedAt, undefined, 0), issuedAt + 40 * second);
    assert.equal(renewalTime(minuteLong, issuedAt, 55 * second, 1), issuedAt + 2.5 * second);
    assert.equal(renewalTime(minuteLong, issuedAt, 60 * second, 0), issuedAt + 40 * second);
  });

  it('is in the past when it is overdue', () => {
    assert.equal(renewalTime(dayLong, dayLong.notBefore, undefined, 0) < issuedAt + 20 * hour, true);
  });

  it('lies within the lifetime, never after two thirds or renew-before or the least wait, never more than a tenth before', () => {
    const time = fc.integer({ min: 0, max: 2 ** 42 });
    const length = fc.integer({ min: 0, max: 2 ** 40 });
    fc.assert(
      fc.property(
        time,
        length,
        length,
        fc.option(fc.integer({ min: 1, max: 2 ** 41 }), { nil: undefined }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (notBefore, lifetime, after, renewBefore, random) => {
          const notAfter = notBefore + lifetime;
          const issued = notBefore + after;
          const at = renewalTime({ notBefore, notAfter }, issued, renewBefore, random);
          const start = Math.min(issued, notAfter);
          const usable = notAfter - start;
          const before = renewBefore !== undefined && renewBefore < usable ? renewBefore : usable / 3;
          const wait = Math.max(usable - before, Math.min(usable / 2, Math.max(1_000, usable / 20)));
          assert.ok(Number.isInteger(at));
          assert.ok(at >= Math.floor(start) && at <= notAfter, 'within the lifetime');
          assert.ok(at <= Math.ceil(start + wait), 'not later');
          assert.ok(at >= Math.floor(start + wait - usable / 10), 'not much earlier');
          assert.ok(at >= Math.floor(start + wait / 2), 'not so early that renewals chase each other');
        },
      ),
    );
  });
});
