import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  advance,
  longestWaitMs,
  published,
  wakesAt,
  withSigned,
} from '../../../../../src/controller/trust/rotation/rotation.ts';
import type {
  Authority,
  Observation,
  Rotation,
} from '../../../../../src/controller/trust/rotation/rotation.ts';

const hour = 3_600_000;
const end = 1_000 * hour;

/** A CA named after its root and itself, as in `R1/I2`; `R1` alone is the root. */
function ca(name: string, options: Partial<Authority> = {}): Authority {
  const root = name.split('/')[0] ?? '';
  return { id: name, anchors: [root], under: [root], notAfter: end, ...options };
}

function seen(options: Partial<Observation> = {}): Observation {
  return {
    now: 0,
    present: ca('R1'),
    oldKeyKnown: true,
    gate: undefined,
    covered: false,
    settleMs: 0,
    ...options,
  };
}

/** The states that these observations lead through, from nothing. */
function through(...observations: readonly Partial<Observation>[]): Rotation {
  let rotation: Rotation | undefined;
  for (const one of observations) rotation = advance(rotation, seen(one));
  assert.ok(rotation);
  return rotation;
}

function summary(rotation: Rotation): string {
  const signing = rotation.phase === 'waiting' ? '-' : rotation.signing.id;
  return `${rotation.phase} ${signing} [${published(rotation).join(' ')}]`;
}

/** R1 signs, and has signed until hour 24. */
function steady(): Rotation {
  return withSigned(through({}), ca('R1'), 24 * hour, 0);
}

function spreading(options: Partial<Observation> = {}): Rotation {
  const rotation = advance(steady(), seen({ now: hour, present: ca('R2'), ...options }));
  assert.ok(rotation);
  return rotation;
}

describe('the way from one CA to another', () => {
  const both = 'R1 R2';
  const r2 = ca('R2');
  const cases: readonly (readonly [string, Rotation, Partial<Observation>, string])[] = [
    ['the same CA stays', steady(), {}, 'steady R1 [R1]'],
    ['another root is published, and the old one signs', steady(), { present: r2 }, `spreading R1 [${both}]`],
    [
      'without the old key nothing signs',
      steady(),
      { present: r2, oldKeyKnown: false },
      `waiting - [${both}]`,
    ],
    ['with an old CA that has expired neither', steady(), { present: r2, now: end }, `waiting - [R2]`],
    [
      'an intermediate under a trusted root signs at once',
      steady(),
      { present: ca('R1/I') },
      'steady R1/I [R1]',
    ],
    [
      'so does a root that the trusted one verifies',
      steady(),
      { present: ca('R2', { under: ['R1', 'R2'] }) },
      `draining R2 [${both}]`,
    ],
    ['force signs at once', steady(), { present: r2, gate: 'force' }, `draining R2 [${both}]`],
    ['drop trusts nothing else any more', steady(), { present: r2, gate: 'drop' }, 'steady R2 [R2]'],
    ['a Secret that is gone changes nothing', steady(), { present: undefined }, 'steady R1 [R1]'],

    ['nothing signs anew before all nodes trust it', spreading(), { present: r2 }, `spreading R1 [${both}]`],
    ['coverage lets it sign', spreading(), { present: r2, covered: true }, `draining R2 [${both}]`],
    [
      'unless it is held',
      spreading(),
      { present: r2, covered: true, gate: 'hold' },
      `spreading R1 [${both}]`,
    ],
    ['or must settle', spreading(), { present: r2, covered: true, settleMs: hour }, `spreading R1 [${both}]`],
    [
      'for as long as that',
      spreading(),
      { present: r2, covered: true, settleMs: hour, now: 2 * hour },
      `draining R2 [${both}]`,
    ],
    ['a rollback ends it', spreading(), {}, 'steady R1 [R1]'],
    ['a Secret that is gone leaves it', spreading(), { present: undefined }, `spreading R1 [${both}]`],
    ['another CA takes the place of the next', spreading(), { present: ca('R3') }, 'spreading R1 [R1 R3]'],
    ['whose coverage counts anew', spreading(), { present: ca('R3'), covered: true }, 'spreading R1 [R1 R3]'],
    [
      'an intermediate of the next root goes on with its coverage',
      spreading(),
      { present: ca('R2/I'), covered: true },
      `draining R2/I [${both}]`,
    ],
    [
      'an intermediate of the old root signs at once',
      spreading(),
      { present: ca('R1/I') },
      'steady R1/I [R1]',
    ],
    [
      'a lost key makes it wait',
      spreading(),
      { present: r2, oldKeyKnown: false, now: hour },
      `waiting - [${both}]`,
    ],
    [
      'but for what is left of a minute',
      spreading(),
      { present: r2, oldKeyKnown: false, now: hour + longestWaitMs },
      `draining R2 [${both}]`,
    ],
    [
      'a hold does not stop all signing',
      spreading({ oldKeyKnown: false }),
      { present: r2, gate: 'hold', now: hour + longestWaitMs },
      `draining R2 [${both}]`,
    ],
  ];
  for (const [name, from, observation, expected] of cases) {
    it(name, () => {
      const next = advance(from, seen({ now: hour, ...observation }));
      assert.equal(next && summary(next), expected);
    });
  }
});

describe('a clock that is set back', () => {
  it('makes requests wait no longer than a minute all the same', () => {
    const waiting = spreading({ oldKeyKnown: false, now: 5 * hour });
    const back = advance(waiting, seen({ now: hour, present: ca('R2'), oldKeyKnown: false }));
    const later = back && advance(back, seen({ now: hour + longestWaitMs, present: ca('R2') }));
    assert.equal(later && summary(later), 'draining R2 [R1 R2]');
  });
});

describe('an anchor that no CA signs under any more', () => {
  const until = 24 * hour + 6 * hour; // a quarter of the lifetime ahead

  it('is trusted until the last certificate has expired', () => {
    const draining = advance(spreading(), seen({ now: 2 * hour, present: ca('R2'), covered: true }));
    assert.ok(draining);
    assert.equal(wakesAt(draining, 0, 2 * hour), until);
    const before = advance(draining, seen({ now: until - 1, present: ca('R2') }));
    assert.equal(before && summary(before), 'draining R2 [R1 R2]');
    const after = advance(draining, seen({ now: until, present: ca('R2') }));
    assert.equal(after && summary(after), 'steady R2 [R2]');
  });

  it('is one of three when the CA changes again', () => {
    const draining = advance(spreading(), seen({ now: hour, present: ca('R2'), covered: true }));
    const again = advance(draining, seen({ now: 2 * hour, present: ca('R3') }));
    assert.equal(again && summary(again), 'spreading R2 [R1 R2 R3]');
    const last = advance(again, seen({ now: 3 * hour, present: ca('R3'), covered: true }));
    // R2 has signed nothing.
    assert.equal(last && summary(last), 'draining R3 [R1 R3]');
  });

  it('lets its CA sign at once when that comes back', () => {
    const draining = advance(spreading(), seen({ now: hour, present: ca('R2'), covered: true }));
    assert.ok(draining);
    const signed = withSigned(draining, ca('R2'), 10 * hour, 2 * hour);
    const back = advance(signed, seen({ now: 2 * hour }));
    assert.equal(back && summary(back), 'draining R1 [R1 R2]');
    assert.ok(back?.phase === 'draining');
    assert.equal(back.signing.signedUntil, until, 'it answers for what it signed before');
  });

  it('is taken back for a certificate that was on its way while the state changed', () => {
    const next = advance(through({}), seen({ present: ca('R2'), gate: 'force' }));
    assert.ok(next);
    assert.equal(summary(next), 'steady R2 [R2]');
    assert.equal(summary(withSigned(next, ca('R1'), hour, 0)), 'draining R2 [R1 R2]');
  });
});

describe('how long a CA has signed for', () => {
  it('is raised ahead of need, so that few certificates change it', () => {
    let rotation = through({});
    let changes = 0;
    for (let now = 0; now < 24 * hour; now += 60_000) {
      const next = withSigned(rotation, ca('R1'), now + hour, now);
      if (next !== rotation) changes += 1;
      rotation = next;
    }
    assert.ok(changes <= 24 * 4 + 1, `${changes} changes for 1440 certificates of an hour`);
  });

  it('never ends after the CA itself', () => {
    const rotation = withSigned(through({}), ca('R1', { notAfter: 3 * hour }), 3 * hour, 0);
    assert.ok(rotation.phase === 'steady');
    assert.equal(rotation.signing.signedUntil, 3 * hour);
  });
});
