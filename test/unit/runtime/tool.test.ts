import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { integerFlag, textFlag, toggleFlag } from '../../../src/runtime/flags.ts';
import { exitCodes, runTool, type Tool, ToolError, type ToolIo } from '../../../src/runtime/tool.ts';

const flags = {
  namespace: textFlag({ short: 'n', placeholder: 'NAME', help: 'Namespace.' }),
  all: toggleFlag({ short: 'A', help: 'All.', default: false }),
  port: integerFlag({ min: 1, max: 10, required: true, help: 'Port.' }),
};

async function call(argv: readonly string[], changes: Partial<Tool<typeof flags>> = {}) {
  const said = { out: '', err: '' };
  const seen: unknown[] = [];
  const io: ToolIo = {
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
    now: () => 0,
    signal: new AbortController().signal,
    environment: { CERTMOUNT_PORT: '7' },
    columns: undefined,
  };
  const tool: Tool<typeof flags> = {
    summary: 'Does things.',
    flags,
    positionals: ['POD'],
    notes: ['Exit codes: 0 fine.'],
    run: (input) => {
      seen.push(input);
      return Promise.resolve(exitCodes.fine);
    },
    ...changes,
  };
  return { code: await runTool('certmount do', tool, argv, io), ...said, seen };
}

describe('a tool', () => {
  it('takes flags in one letter, and what is no flag', async () => {
    const { code, seen } = await call(['-n', 'web', 'api', '-A', '--port=3']);
    assert.equal(code, 0);
    assert.deepEqual(seen, [{ values: { namespace: 'web', all: true, port: 3 }, positionals: ['api'] }]);
    const equals = await call(['api', '-n=web', '-A=false', '--port', '3']);
    assert.deepEqual(equals.seen, [
      { values: { namespace: 'web', all: false, port: 3 }, positionals: ['api'] },
    ]);
  });

  it('says how it is called when it is called wrongly', async () => {
    const table = [
      [['--port', '3'], /^POD must be given\nSee certmount do --help\.\n$/],
      [['a', 'b', '--port', '3'], /^unexpected argument "b"/],
      [['a'], /^--port must be set: Port\.\n/],
      [['a', '-x'], /^unknown flag -x: see --help\n/],
      [['a', '-n'], /^-n needs a value: -n NAME\n/],
      [['a', '-n', 'x', '--namespace', 'y', '--port', '3'], /^--namespace is given more than once/],
    ] as const;
    for (const [argv, message] of table) {
      const { code, err } = await call(argv);
      assert.equal(code, 64, argv.join(' '));
      assert.match(err, message);
    }
  });

  it('reads the environment only where it stands beside a program that does', async () => {
    const { seen } = await call(['a'], { readsEnvironment: true });
    assert.deepEqual(seen, [{ values: { namespace: undefined, all: false, port: 7 }, positionals: ['a'] }]);
  });

  it('has a help with its letters and exit codes, and without variables that it does not read', async () => {
    const { code, out } = await call(['--nonsense', '--help']);
    assert.equal(code, 0);
    assert.match(out, /^Usage: certmount do POD \[flags\]\nDoes things\.\n/);
    assert.match(out, /^ {2}--namespace, -n NAME$/m);
    assert.match(out, /^ {2}--all, -A\[=false\]$/m);
    assert.match(out, /Exit codes: 0 fine\.\n$/);
    assert.doesNotMatch(out, /CERTMOUNT_/);
    assert.match((await call(['-h'], { readsEnvironment: true })).out, /CERTMOUNT_PORT/);
  });

  it('tells what went wrong in a line, and that it does not know the answer', async () => {
    const failing = (): Promise<number> => Promise.reject(new ToolError('no such pod'));
    const { code, err } = await call(['a', '--port', '3'], { run: failing });
    assert.deepEqual([code, err], [3, 'no such pod\n']);
  });
});
