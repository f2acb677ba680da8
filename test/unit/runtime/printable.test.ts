import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { printable } from '../../../src/runtime/printable.ts';

describe('what is printed for people', () => {
  it('shows what would steer a terminal, of one octet too', () => {
    assert.equal(printable('a\u001b[2J\u009b1A\rb\u007f'), 'a\\u001b[2J\\u009b1A\\u000db\\u007f');
  });

  it('shows what would turn or hide text', () => {
    assert.equal(printable('web\u202egpj.\u200b\u{e0041}'), 'web\\u202egpj.\\u200b\\udb40\\udc41');
  });

  it('leaves lines, columns and the letters of all people alone', () => {
    const text = 'größe\t水\n🦀\n';
    assert.equal(printable(text), text);
  });

  it('leaves JSON what it says', () => {
    const value = { note: 'x\u001b[31m\u009b\u202e\u{e0041}\n' };
    const text = printable(JSON.stringify(value));
    assert.deepEqual(JSON.parse(text), value);
    assert.match(text, /^[ -~]+$/);
  });
});
