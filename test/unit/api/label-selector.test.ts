import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LabelSelector } from '../../../src/api/core.ts';
import { selectorText, selectsLabels } from '../../../src/api/label-selector.ts';

const expression = (operator: string, values?: string[]): LabelSelector => ({
  matchExpressions: [{ key: 'team', operator, ...(values && { values }) }],
});

describe('a label selector', () => {
  const cases: readonly [LabelSelector, string, { web: boolean; shop: boolean; none: boolean }][] = [
    [{}, '', { web: true, shop: true, none: true }],
    [{ matchLabels: { team: 'web' } }, 'team=web', { web: true, shop: false, none: false }],
    [expression('In', ['x', 'web']), 'team in (web,x)', { web: true, shop: false, none: false }],
    [expression('NotIn', ['web']), 'team notin (web)', { web: false, shop: true, none: true }],
    [expression('Exists'), 'team', { web: true, shop: true, none: false }],
    [expression('DoesNotExist'), '!team', { web: false, shop: false, none: true }],
    [
      { matchLabels: { team: 'web' }, ...expression('NotIn', ['web']) },
      'team notin (web),team=web',
      { web: false, shop: false, none: false },
    ],
  ];
  for (const [selector, text, { web, shop, none }] of cases) {
    it(`selects by "${text}"`, () => {
      assert.equal(selectorText(selector), text);
      assert.equal(selectsLabels(selector, { team: 'web', other: 'x' }), web);
      assert.equal(selectsLabels(selector, { team: 'shop' }), shop);
      assert.equal(selectsLabels(selector, undefined), none);
    });
  }

  it('selects nothing by an operator that there is not', () => {
    assert.equal(selectsLabels(expression('Gt', ['1']), { team: '2' }), false);
  });
});
