import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RuleCompiler } from '../../../../src/policy/cel/rule-compiler.ts';
import { valueScope } from '../../../../src/policy/rule-scopes.ts';

function outcomeOf(rule: string): string {
  const compiled = new RuleCompiler().compile(rule, valueScope);
  assert.ok(compiled.outcome === 'compiled', rule);
  return compiled.rule.test({ self: '', cr: {} }).outcome;
}

describe('a number from text', () => {
  for (const rule of [
    "int('42') == 42 && int('-7') == -7 && int('+7') == 7",
    "int('9223372036854775807') == 9223372036854775807",
    "double('1.5') == 1.5 && double('-.5e1') == -5.0 && double('2') == 2.0",
    "double('inf') > 1e300 && double('-Infinity') < -1e300",
  ])
    it(rule, () => assert.equal(outcomeOf(rule), 'holds'));

  for (const text of ['', ' ', 'garbage', '0x10', ' 5', '1_000', '9223372036854775808', '5.'])
    it(`is none of ${JSON.stringify(text)} as integer, and no rule holds for that`, () => {
      assert.equal(outcomeOf(`int('${text}') >= 0 || true == false`), 'error');
      assert.equal(outcomeOf(`!(int('${text}') > 1)`), 'error');
    });

  for (const text of ['', ' ', 'garbage', '0x10', '1e', '1_0.0'])
    it(`is none of ${JSON.stringify(text)} as double, and no rule holds for that`, () => {
      assert.equal(outcomeOf(`!(double('${text}') > 1.0)`), 'error');
    });
});
