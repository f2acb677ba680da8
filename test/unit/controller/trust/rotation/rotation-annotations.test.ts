import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rotationWishes } from '../../../../../src/controller/trust/rotation/rotation-annotations.ts';
import {
  parseRotationRecord,
  rotationRecord,
} from '../../../../../src/controller/trust/rotation/rotation-record.ts';
import type { Rotation } from '../../../../../src/controller/trust/rotation/rotation.ts';
import { previousKey } from '../../../../../src/controller/trust/rotation/previous-pairs.ts';
import { now } from '../../builders.ts';

function wishes(annotations: Record<string, string>): ReturnType<typeof rotationWishes> {
  return rotationWishes({ metadata: { annotations } });
}

describe("an issuer's annotations", () => {
  it('ask for a gate and for new certificates', () => {
    assert.deepEqual(wishes({}), { gate: undefined, reissueMs: undefined, problems: [] });
    assert.deepEqual(
      wishes({ 'certmount.io/ca-rotation': 'force', 'certmount.io/ca-rotation-reissue': '1h' }),
      { gate: 'force', reissueMs: 3_600_000, problems: [] },
    );
  });

  it('that are not understood hold, and what is allowed is said', () => {
    const { gate, problems } = wishes({ 'certmount.io/ca-rotation': 'true' });
    assert.equal(gate, 'hold');
    assert.match(
      problems.join(),
      /certmount\.io\/ca-rotation: "true" must be one of "hold", "force", "drop"/,
    );
  });

  for (const text of ['soon', '-1h', '721h']) {
    it(`do not ask for new certificates with ${text}`, () => {
      const { reissueMs, problems } = wishes({ 'certmount.io/ca-rotation-reissue': text });
      assert.equal(reissueMs, undefined);
      assert.match(problems.join(), new RegExp(`certmount\\.io/ca-rotation-reissue: "${text}"`));
    });
  }
});

describe('what is kept of a rotation', () => {
  const [one, two] = ['1'.repeat(64), '2'.repeat(64)];
  const first = { id: one, anchors: [one], under: [one], notAfter: now + 1_000 };
  const second = { id: two, anchors: [two], under: [one, two], notAfter: now + 2_000 };
  const former = [{ anchor: one, until: now + 500 }];
  const spread = { since: now, established: [one] };
  const rotations: readonly Rotation[] = [
    { ...spread, phase: 'steady', signing: { ...first, signedUntil: now + 1 } },
    { ...spread, phase: 'spreading', signing: { ...first, signedUntil: now + 1 }, next: second, former },
    { ...spread, phase: 'waiting', next: second, former },
    { ...spread, phase: 'draining', signing: { ...second, signedUntil: now }, former },
  ];
  for (const rotation of rotations) {
    it(`is read as it was written when ${rotation.phase}`, () => {
      assert.deepEqual(parseRotationRecord(rotationRecord(rotation)), rotation);
    });
  }

  it('is the same text for the same state', () => {
    for (const rotation of rotations) {
      const turned = Object.fromEntries(Object.entries(rotation).toReversed()) as unknown as Rotation;
      assert.equal(rotationRecord(turned), rotationRecord(rotation));
    }
  });

  it('is nothing when somebody else has written it', () => {
    const text = rotationRecord(rotations[1] as Rotation);
    const damaged = [
      ...[undefined, '', '{}', 'null', '[]', text.slice(1), text.replace(one, 'x')],
      ...[text.replace('"former":[', '"former":[1,'), text.replace('spreading', 'other')],
    ];
    for (const each of damaged) assert.equal(parseRotationRecord(each), undefined, String(each));
  });
});

describe('the Secret of an old CA', () => {
  it('is named after the one beside it', () => {
    assert.deepEqual(previousKey({ namespace: 'web', name: 'ca' }), {
      namespace: 'web',
      name: 'ca-certmount-previous',
    });
    const names = ['a', 'b'].map((end) => 'n'.repeat(252) + end);
    const long = names.map((name) => previousKey({ namespace: 'web', name }).name);
    assert.equal(new Set(long).size, 2);
    for (const name of long) assert.ok(name.length <= 253, name);
  });
});
