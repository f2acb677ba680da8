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
  Observation,
  PresentAuthority,
  Rotation,
} from '../../../../../src/controller/trust/rotation/rotation.ts';

const hour = 3_600_000;
const end = 1_000 * hour;

/** A CA named after its root and itself, as in `R1/I2`; `R1` alone is the root. */
function ca(name: string, options: Partial<PresentAuthority> = {}): PresentAuthority {
  const root = name.split('/')[0] ?? '';
  const { anchors = [root], verifiedBy = [root] } = options;
  const under = anchors.filter((anchor) => verifiedBy.includes(anchor));
  return { id: name, anchors, under, verifiedBy, notAfter: end, ...options };
}

function seen(options: Partial<Observation> = {}): Observation {
  return {
    now: 0,
    present: ca('R1'),
    oldKeyKnown: true,
    gate: undefined,
    spread: false,
    ...options,
  };
}

/** R1 signs, and has signed nothing. */
function first(): Rotation {
  const { verifiedBy: _, ...authority } = ca('R1');
  return { phase: 'steady', signing: { ...authority, signedUntil: 0 }, since: 0, established: ['R1'] };
}

function summary(rotation: Rotation): string {
  const signing = rotation.phase === 'waiting' ? '-' : rotation.signing.id;
  return `${rotation.phase} ${signing} [${published(rotation).join(' ')}]`;
}

/** R1 signs, and has signed until hour 24. */
function steady(): Rotation {
  return withSigned(first(), ca('R1'), 24 * hour, 0);
}

function spreading(options: Partial<Observation> = {}): Rotation {
  return advance(steady(), seen({ now: hour, present: ca('R2'), ...options }));
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
      { present: ca('R2', { verifiedBy: ['R1', 'R2'] }) },
      `draining R2 [${both}]`,
    ],
    ['force signs at once', steady(), { present: r2, gate: 'force' }, `draining R2 [${both}]`],
    ['drop trusts nothing else any more', steady(), { present: r2, gate: 'drop' }, 'steady R2 [R2]'],
    ['a Secret that is gone changes nothing', steady(), { present: undefined }, 'steady R1 [R1]'],

    ['nothing signs anew before all nodes trust it', spreading(), { present: r2 }, `spreading R1 [${both}]`],
    ['when they do it signs', spreading(), { present: r2, spread: true }, `draining R2 [${both}]`],
    ['unless it is held', spreading(), { present: r2, spread: true, gate: 'hold' }, `spreading R1 [${both}]`],
    ['a rollback ends it', spreading(), {}, 'steady R1 [R1]'],
    ['a Secret that is gone leaves it', spreading(), { present: undefined }, `spreading R1 [${both}]`],
    ['another CA takes the place of the next', spreading(), { present: ca('R3') }, 'spreading R1 [R1 R3]'],
    ['which has to spread anew', spreading(), { present: ca('R3'), spread: true }, 'spreading R1 [R1 R3]'],
    [
      'an intermediate of the next root goes on where that was',
      spreading(),
      { present: ca('R2/I'), spread: true },
      `draining R2/I [${both}]`,
    ],
    [
      'an intermediate of the old root signs at once',
      spreading(),
      { present: ca('R1/I') },
      'steady R1/I [R1]',
    ],
    ['it is held like any other', steady(), { present: ca('R1/I'), gate: 'hold' }, 'spreading R1 [R1]'],
    [
      'a lost key makes it wait',
      spreading(),
      { present: r2, oldKeyKnown: false, now: hour },
      `waiting - [${both}]`,
    ],
    [
      'a whole minute, however long it has spread',
      spreading(),
      { present: r2, oldKeyKnown: false, now: 5 * hour },
      `waiting - [${both}]`,
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
      assert.equal(summary(next), expected);
    });
  }
});

describe('a clock that is set back', () => {
  it('makes requests wait no longer than a minute all the same', () => {
    const waiting = spreading({ oldKeyKnown: false, now: 5 * hour });
    const back = advance(waiting, seen({ now: hour, present: ca('R2'), oldKeyKnown: false }));
    const later = advance(back, seen({ now: hour + longestWaitMs, present: ca('R2') }));
    assert.equal(summary(later), 'draining R2 [R1 R2]');
  });
});

describe('an anchor that was only just published', () => {
  /** X, to which somebody adds B that verifies it too. */
  const crossed = ca('R1', { anchors: ['R1', 'R2'], verifiedBy: ['R1', 'R2'] });
  const under = ca('J', { anchors: ['R2'], verifiedBy: ['R2'] });

  it('lets nothing sign under it before everybody has it, though it verifies the CA that signs', () => {
    const added = advance(steady(), seen({ now: hour, present: crossed }));
    assert.equal(summary(added), 'steady R1 [R1 R2]');
    assert.equal(summary(advance(added, seen({ now: hour + 1000, present: under }))), 'spreading R1 [R1 R2]');
    const everywhere = advance(added, seen({ now: 2 * hour, present: crossed, spread: true }));
    assert.equal(summary(advance(everywhere, seen({ now: 3 * hour, present: under }))), 'draining J [R1 R2]');
  });

  it('is kept for what was signed while it was there', () => {
    const added = advance(steady(), seen({ now: hour, present: crossed }));
    const forced = advance(added, seen({ now: hour, present: ca('R3'), gate: 'force' }));
    assert.equal(summary(forced), 'draining R3 [R1 R2 R3]');
  });

  it('has to spread also when its CA was let sign by force', () => {
    const forced = advance(steady(), seen({ now: hour, present: ca('R2'), gate: 'force' }));
    assert.equal(summary(advance(forced, seen({ now: hour, present: ca('R2/I') }))), 'spreading R2 [R1 R2]');
  });
});

describe('a clock that goes ahead', () => {
  it('lets no CA sign that is not known everywhere', () => {
    const ahead = advance(spreading(), seen({ now: 20 * hour, present: ca('R2') }));
    assert.equal(summary(ahead), 'spreading R1 [R1 R2]');
  });

  it('counts the wait from then on when it goes back', () => {
    const waiting = spreading({ oldKeyKnown: false });
    const ahead = advance(waiting, seen({ now: 20 * hour, present: ca('R3'), oldKeyKnown: false }));
    assert.equal(summary(ahead), 'waiting - [R1 R3]');
    const back = advance(ahead, seen({ now: hour, present: ca('R3'), oldKeyKnown: false }));
    const later = seen({ now: hour + longestWaitMs, present: ca('R3'), oldKeyKnown: false });
    assert.equal(summary(advance(back, later)), 'draining R3 [R1 R3]');
  });
});

describe('an anchor that no CA signs under any more', () => {
  const until = 24 * hour + 6 * hour; // a quarter of the lifetime ahead

  it('is trusted until the last certificate has expired', () => {
    const draining = advance(spreading(), seen({ now: 2 * hour, present: ca('R2'), spread: true }));
    assert.equal(wakesAt(draining, 2 * hour), until);
    const before = advance(draining, seen({ now: until - 1, present: ca('R2') }));
    assert.equal(summary(before), 'draining R2 [R1 R2]');
    const after = advance(draining, seen({ now: until, present: ca('R2') }));
    assert.equal(summary(after), 'steady R2 [R2]');
  });

  it('is one of three when the CA changes again', () => {
    const draining = advance(spreading(), seen({ now: hour, present: ca('R2'), spread: true }));
    const again = advance(draining, seen({ now: 2 * hour, present: ca('R3') }));
    assert.equal(summary(again), 'spreading R2 [R1 R2 R3]');
    const last = advance(again, seen({ now: 3 * hour, present: ca('R3'), spread: true }));
    // R2 has signed nothing.
    assert.equal(summary(last), 'draining R3 [R1 R3]');
  });

  it('lets its CA sign at once when that comes back', () => {
    const draining = advance(spreading(), seen({ now: hour, present: ca('R2'), spread: true }));
    const signed = withSigned(draining, ca('R2'), 10 * hour, 2 * hour);
    const back = advance(signed, seen({ now: 2 * hour }));
    assert.equal(summary(back), 'draining R1 [R1 R2]');
    assert.ok(back.phase === 'draining');
    assert.equal(back.signing.signedUntil, until, 'it answers for what it signed before');
  });

  it('is trusted as long when the Secret of another CA names it for a while', () => {
    const draining = advance(spreading(), seen({ now: 2 * hour, present: ca('R2'), spread: true }));
    for (const anchors of [
      { anchors: ['R2', 'R1'], verifiedBy: ['R2', 'R1'] },
      { anchors: ['R2', 'R1'], verifiedBy: ['R2'] },
    ]) {
      const named = advance(draining, seen({ now: 3 * hour, present: ca('R2', anchors) }));
      const again = advance(named, seen({ now: 4 * hour, present: ca('R2') }));
      assert.equal(summary(again), 'draining R2 [R1 R2]');
      assert.equal(summary(advance(again, seen({ now: until, present: ca('R2') }))), 'steady R2 [R2]');
    }
  });

  it('is trusted longer for a certificate that another CA under it has signed meanwhile', () => {
    const switched = advance(steady(), seen({ now: hour, present: ca('R1/I') }));
    const signed = withSigned(switched, ca('R1'), 48 * hour, hour);
    const replaced = advance(signed, seen({ now: hour, present: ca('R2'), gate: 'force' }));
    assert.equal(
      summary(advance(replaced, seen({ now: 48 * hour, present: ca('R2') }))),
      'draining R2 [R1 R2]',
    );
  });

  it('is taken back for a certificate that was on its way while the state changed', () => {
    const next = advance(first(), seen({ present: ca('R2'), gate: 'force' }));
    assert.equal(summary(next), 'steady R2 [R2]');
    assert.equal(summary(withSigned(next, ca('R1'), hour, 0)), 'draining R2 [R1 R2]');
  });
});

describe('how long a CA has signed for', () => {
  it('is raised ahead of need, so that few certificates change it', () => {
    let rotation = first();
    let changes = 0;
    for (let now = 0; now < 24 * hour; now += 60_000) {
      const next = withSigned(rotation, ca('R1'), now + hour, now);
      if (next !== rotation) changes += 1;
      rotation = next;
    }
    assert.ok(changes <= 24 * 4 + 1, `${changes} changes for 1440 certificates of an hour`);
  });

  it('never ends after the CA itself', () => {
    const rotation = withSigned(first(), ca('R1', { notAfter: 3 * hour }), 3 * hour, 0);
    assert.ok(rotation.phase === 'steady');
    assert.equal(rotation.signing.signedUntil, 3 * hour);
  });
});
