import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeError } from '../../../src/kube/index.ts';
import { integerFlag, textFlag, toggleFlag } from '../../../src/runtime/flags.ts';
import { exitCodes, runTool, type Tool, ToolError } from '../../../src/runtime/tool.ts';
import { toolIo } from './support/tool-io.ts';

const flags = {
  namespace: textFlag({ short: 'n', placeholder: 'NAME', help: 'Namespace.' }),
  all: toggleFlag({ short: 'A', help: 'All.', default: false }),
  port: integerFlag({ min: 1, max: 10, required: true, help: 'Port.' }),
};

async function call(
  argv: readonly string[],
  changes: Partial<Tool<typeof flags>> = {},
  signal = new AbortController().signal,
) {
  const seen: unknown[] = [];
  const { io, said } = toolIo({ environment: { CERTMOUNT_PORT: '7' }, signal });
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

  it('takes a value right behind its letter, and letters together, as kubectl does', async () => {
    for (const argv of [['-nweb', '-A'], ['-Anweb'], ['-An', 'web'], ['-A=true', '-n=web']]) {
      const { err, seen } = await call(['api', '--port=3', ...argv]);
      assert.deepEqual(
        seen,
        [{ values: { namespace: 'web', all: true, port: 3 }, positionals: ['api'] }],
        err,
      );
    }
    const meant = await call(['api', '--port=3', '-namespace=web']);
    assert.deepEqual(
      [meant.code, meant.err.split('\n')[0]],
      [64, 'unknown flag -namespace: did you mean --namespace?'],
    );
    assert.match((await call(['api', '-Ax'])).err, /^unknown flag -x: see --help\n/);
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
    for (const error of [new ToolError('no such pod'), new KubeError('not-found', 'no such pod')]) {
      const { code, err } = await call(['a', '--port', '3'], { run: () => Promise.reject(error) });
      assert.deepEqual([code, err], [3, 'no such pod\n']);
    }
  });

  it('is not taken for done when it was interrupted, whatever it made of that', async () => {
    const outcomes = [() => Promise.resolve(exitCodes.fine), () => Promise.reject(new Error('aborted'))];
    for (const run of outcomes) {
      const { code, err } = await call(['a', '--port', '3'], { run }, AbortSignal.abort());
      assert.deepEqual([code, err], [130, '']);
    }
  });

  it('takes a bug for no answer, and shows where it is', async () => {
    const run = (): Promise<number> => Promise.reject(new TypeError('x is not iterable'));
    const { code, err } = await call(['a', '--port', '3'], { run });
    assert.equal(code, 70);
    assert.match(
      err,
      /^this is a bug of certmount: .*\nTypeError: x is not iterable\n {4}at .*tool\.test\.ts/,
    );
  });
});
