import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition } from '../../../src/api/condition.ts';
import { getCondition, isConditionTrue, sameConditions, setCondition } from '../../../src/api/condition.ts';

const before = '2026-01-01T00:00:00Z';
const now = Date.UTC(2026, 5, 1, 12, 30, 15, 999);
const nowText = '2026-06-01T12:30:15Z';

const pending: Condition = {
  type: 'Ready',
  status: 'False',
  reason: 'Pending',
  message: 'waiting',
  lastTransitionTime: before,
};
const approved: Condition = { type: 'Approved', status: 'True', reason: 'ok', lastTransitionTime: before };

describe('setCondition', () => {
  it('adds a condition at the end, in whole seconds', () => {
    const conditions = setCondition([approved], { type: 'Ready', status: 'False', reason: 'Pending' }, now);
    assert.deepEqual(conditions, [
      approved,
      { type: 'Ready', status: 'False', reason: 'Pending', lastTransitionTime: nowText },
    ]);
  });

  it('starts a list', () => {
    const conditions = setCondition(undefined, { type: 'Ready', status: 'True' }, now);
    assert.deepEqual(conditions, [{ type: 'Ready', status: 'True', lastTransitionTime: nowText }]);
  });

  it('keeps the transition time while only reason or message change', () => {
    const [condition] = setCondition([pending], { type: 'Ready', status: 'False', reason: 'Failed' }, now);
    assert.deepEqual(condition, {
      type: 'Ready',
      status: 'False',
      reason: 'Failed',
      lastTransitionTime: before,
    });
  });

  it('moves the transition time with the status, and keeps the place', () => {
    const conditions = setCondition(
      [pending, approved],
      { type: 'Ready', status: 'True', reason: 'Issued' },
      now,
    );
    assert.deepEqual(
      conditions.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
      [
        ['Ready', nowText],
        ['Approved', before],
      ],
    );
  });

  it('leaves the list that it was given as it was', () => {
    const conditions = [pending];
    setCondition(conditions, { type: 'Ready', status: 'True' }, now);
    assert.deepEqual(conditions, [pending]);
  });
});

describe('reading conditions', () => {
  it('finds one by its type', () => {
    assert.equal(getCondition([approved, pending], 'Ready'), pending);
    assert.equal(getCondition(undefined, 'Ready'), undefined);
  });

  it('takes only True as true', () => {
    assert.equal(isConditionTrue([approved], 'Approved'), true);
    assert.equal(isConditionTrue([pending], 'Ready'), false);
    assert.equal(isConditionTrue([{ type: 'Ready', status: 'Unknown' }], 'Ready'), false);
    assert.equal(isConditionTrue([], 'Ready'), false);
  });

  it('knows when a write would change nothing', () => {
    assert.equal(sameConditions([approved, pending], [{ ...pending }, approved]), true);
    assert.equal(sameConditions(undefined, []), true);
    assert.equal(sameConditions([pending], [{ ...pending, message: 'other' }]), false);
    assert.equal(sameConditions([pending], [pending, approved]), false);
  });
});
