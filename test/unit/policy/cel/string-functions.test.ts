import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RuleCompiler } from '../../../../src/policy/cel/rule-compiler.ts';
import { valueScope } from '../../../../src/policy/rule-scopes.ts';

/** The examples of cel-go (ext/strings.go), and next to them what it gives for the ends of each range. */
const examples: Readonly<Record<string, readonly string[]>> = {
  charAt: ["'hello'.charAt(4) == 'o'", "'hello'.charAt(5) == ''", "'a😀b'.charAt(1) == '😀'"],
  indexOf: [
    "'hello mellow'.indexOf('') == 0",
    "'hello mellow'.indexOf('ello') == 1",
    "'hello mellow'.indexOf('jello') == -1",
    "'hello mellow'.indexOf('', 2) == 2",
    "'hello mellow'.indexOf('', 20) == 12",
    "'hello mellow'.indexOf('ello', 2) == 7",
    "'hello mellow'.indexOf('ello', 20) == -1",
    "'😀a'.indexOf('a') == 1 && '😀a😀a'.indexOf('a', 2) == 3",
  ],
  lastIndexOf: [
    "'hello mellow'.lastIndexOf('') == 12",
    "'hello mellow'.lastIndexOf('ello') == 7",
    "'hello mellow'.lastIndexOf('jello') == -1",
    "'hello mellow'.lastIndexOf('ello', 6) == 1",
    "'hello mellow'.lastIndexOf('ello', 20) == -1",
    "''.lastIndexOf('a') == -1 && ''.lastIndexOf('') == 0",
    "'😀a😀a'.lastIndexOf('a') == 3 && '😀a😀a'.lastIndexOf('a', 2) == 1",
  ],
  join: [
    "['hello', 'mellow'].join() == 'hellomellow'",
    "['hello', 'mellow'].join(' ') == 'hello mellow'",
    "[].join() == '' && [].join('/') == ''",
  ],
  'lowerAscii and upperAscii': [
    "'TacoCat'.lowerAscii() == 'tacocat' && 'TacoCÆt Xii'.lowerAscii() == 'tacocÆt xii'",
    "'TacoCat'.upperAscii() == 'TACOCAT' && 'TacoCÆt Xii'.upperAscii() == 'TACOCÆT XII'",
  ],
  'strings.quote': [
    `strings.quote('single-quote with "double quote"') == '"single-quote with \\\\"double quote\\\\""'`,
    String.raw`strings.quote("two escape sequences \a\n") == '"two escape sequences \\a\\n"'`,
  ],
  replace: [
    "'hello hello'.replace('he', 'we') == 'wello wello'",
    "'hello hello'.replace('he', 'we', -1) == 'wello wello'",
    "'hello hello'.replace('he', 'we', 1) == 'wello hello'",
    "'hello hello'.replace('he', 'we', 0) == 'hello hello'",
    "'hello hello'.replace('he', 'we', 9) == 'wello wello'",
    "'hello hello'.replace('', '_') == '_h_e_l_l_o_ _h_e_l_l_o_'",
    "'hello'.replace('', '_', 2) == '_h_ello' && 'a😀'.replace('', '_', 3) == '_a_😀_'",
    "'hello hello'.replace('h', '') == 'ello ello'",
    "'aaaa'.replace('aa', 'a') == 'aa' && 'ab'.replace('a', '$&$1') == '$&$1b'",
  ],
  split: [
    "'hello hello hello'.split(' ') == ['hello', 'hello', 'hello']",
    "'hello hello hello'.split(' ', 0) == []",
    "'hello hello hello'.split(' ', 1) == ['hello hello hello']",
    "'hello hello hello'.split(' ', 2) == ['hello', 'hello hello']",
    "'hello hello hello'.split(' ', 3) == ['hello', 'hello', 'hello']",
    "'hello hello hello'.split(' ', -1) == ['hello', 'hello', 'hello']",
    "'a😀b'.split('') == ['a', '😀', 'b'] && 'a😀b'.split('', 2) == ['a', '😀b']",
    "''.split('') == [] && ''.split('.') == ['']",
  ],
  substring: [
    "'tacocat'.substring(4) == 'cat'",
    "'tacocat'.substring(0, 4) == 'taco'",
    "'tacocat'.substring(7) == '' && 'tacocat'.substring(7, 7) == ''",
    "'a😀b'.substring(1, 2) == '😀' && 'a😀b'.substring(2) == 'b'",
  ],
  trim: [String.raw`'  \ttrim\n    '.trim() == 'trim'`],
  reverse: [
    "'gums'.reverse() == 'smug'",
    "'John Smith'.reverse() == 'htimS nhoJ'",
    "'a😀'.reverse() == '😀a'",
  ],
  format: [
    String.raw`'this is a string: %s\nand an integer: %d'.format(['str', 42]) == 'this is a string: str\nand an integer: 42'`,
    "'a double substituted with %%s: %s'.format([64.2]) == 'a double substituted with %s: 64.2'",
    "'string type: %s'.format([type(string)]) == 'string type: type'",
    "'timestamp: %s'.format([timestamp('2023-02-03T23:31:20+00:00')]) == 'timestamp: 2023-02-03T23:31:20Z'",
    "'duration: %s'.format([duration('1h45m47s')]) == 'duration: 6347s'",
    "'%f'.format([3.14]) == '3.140000' && '%e'.format([2.71828]) == '2.718280e+00'",
    "'5 in binary: %b'.format([5]) == '5 in binary: 101'",
    "'26 in hex: %x'.format([26]) == '26 in hex: 1a'",
    "'26 in hex (uppercase): %X'.format([26]) == '26 in hex (uppercase): 1A'",
    "'30 in octal: %o'.format([30]) == '30 in octal: 36'",
    "'%s'.format([[1, 2, 3, {'a': 'x', 'b': 'y'}]]) == '[1, 2, 3, {a: x, b: y}]'",
    "'%s - %s %b'.format([true, false, true]) == 'true - false 1'",
  ],
};

const errors: readonly string[] = [
  "'hello'.charAt(-1) == ''",
  "'hello'.charAt(6) == ''",
  "'hello mellow'.indexOf('ello', -1) == 1",
  "'hello mellow'.lastIndexOf('ello', -1) == -1",
  "'tacocat'.substring(-1) == ''",
  "'tacocat'.substring(2, 1) == ''",
  "'tacocat'.substring(0, 8) == 'tacocat'",
  "'a😀b'.substring(4) == ''",
  "['a', 1].join() == 'a1'",
  "'%d %d'.format([1]) == '1'",
];

function run(source: string): string {
  const compiled = new RuleCompiler().compile(source, valueScope);
  return compiled.outcome === 'invalid' ? compiled.message : compiled.rule.test({ self: '' }).outcome;
}

describe('a function of the strings extension', () => {
  for (const [name, sources] of Object.entries(examples))
    it(`is that of cel-go: ${name}`, () => {
      for (const source of sources) assert.equal(run(source), 'holds', source);
    });

  it('has no answer where cel-go has none', () => {
    for (const source of errors) assert.equal(run(source), 'error', source);
  });

  it('says the part of a SPIFFE ID that a policy means', () => {
    const id = "'spiffe://example.org/ns/web/sa/api'";
    assert.equal(run(`${id}.split('/', 4)[3] == 'ns/web/sa/api'`), 'holds');
    assert.equal(run(`${id}.replace('/', '.', -1) == 'spiffe:..example.org.ns.web.sa.api'`), 'holds');
  });
});
