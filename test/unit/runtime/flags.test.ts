import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  choiceFlag,
  environmentName,
  flagName,
  integerFlag,
  listenAddressFlag,
  listFlag,
  textFlag,
  toggleFlag,
  valueFlag,
} from '../../../src/runtime/flags.ts';
import type { FlagFailure } from '../../../src/runtime/parse-flags.ts';
import { FlagError, parseFlags, wantsHelp } from '../../../src/runtime/parse-flags.ts';

const table = {
  nodeId: textFlag({ placeholder: 'NODE', help: 'Name of the node.', required: true }),
  kubeconfig: textFlag({ help: 'Kubeconfig.' }),
  leaderElect: toggleFlag({ help: 'Elect a leader.', default: true }),
  concurrency: integerFlag({ help: 'How many at once.', min: 1, max: 100, default: 10 }),
  logLevel: choiceFlag({ help: 'Level.', choices: ['debug', 'info'], default: 'info' }),
  metricsAddress: listenAddressFlag({ help: 'Address.', default: { port: 9402 } }),
  controllers: listFlag({ help: 'Which ones.' }),
  graceMs: valueFlag({
    help: 'Grace.',
    placeholder: 'DURATION',
    parse: (text: string) => {
      if (text !== '10s') throw new Error('must be a duration');
      return 10_000;
    },
    format: (ms) => `${ms}ms`,
  }),
};

function parse(argv: string[], env: Record<string, string> = {}) {
  return parseFlags(table, ['--node-id', 'n', ...argv], env).values;
}

function refusal(reason: FlagFailure, message: RegExp) {
  return (error: unknown): boolean =>
    error instanceof FlagError && error.reason === reason && message.test(error.message);
}

describe('parseFlags', () => {
  it('gives the defaults where nothing is given', () => {
    assert.deepEqual(parse([]), {
      nodeId: 'n',
      kubeconfig: undefined,
      leaderElect: true,
      concurrency: 10,
      logLevel: 'info',
      metricsAddress: { port: 9402 },
      controllers: [],
      graceMs: undefined,
    });
  });

  it('reads a value after a space or after =', () => {
    assert.equal(parse(['--kubeconfig', 'a']).kubeconfig, 'a');
    assert.equal(parse(['--kubeconfig=a=b']).kubeconfig, 'a=b');
    assert.equal(parse(['--concurrency', '7']).concurrency, 7);
    assert.equal(parse(['--grace-ms', '10s']).graceMs, 10_000);
    assert.deepEqual(parse(['--metrics-address', '[::1]:80']).metricsAddress, { host: '::1', port: 80 });
  });

  it('takes what looks like a flag as the value of one that needs a value', () => {
    assert.equal(parse(['--kubeconfig', '--x']).kubeconfig, '--x');
  });

  it('reads toggles alone and with =', () => {
    assert.equal(parse(['--leader-elect']).leaderElect, true);
    assert.equal(parse(['--leader-elect=false']).leaderElect, false);
  });

  it('reads the environment where the command line does not say', () => {
    const env = { CERTMOUNT_KUBECONFIG: 'a', CERTMOUNT_LEADER_ELECT: 'false', CERTMOUNT_CONTROLLERS: 'a, b' };
    assert.equal(parse([], env).kubeconfig, 'a');
    assert.equal(parse(['--kubeconfig', 'b'], env).kubeconfig, 'b');
    assert.equal(parse([], env).leaderElect, false);
    assert.deepEqual(parse([], env).controllers, ['a', 'b']);
    assert.equal(parseFlags(table, [], { CERTMOUNT_NODE_ID: 'n' }).values.nodeId, 'n');
  });

  it('takes an empty variable as one that is not set', () => {
    assert.equal(parse([], { CERTMOUNT_CONCURRENCY: '' }).concurrency, 10);
    assert.throws(
      () => parseFlags(table, [], { CERTMOUNT_NODE_ID: '' }),
      refusal('missing-flag', /--node-id/),
    );
  });

  it('joins the values of a list', () => {
    assert.deepEqual(parse(['--controllers', 'a,b', '--controllers=c']).controllers, ['a', 'b', 'c']);
    assert.deepEqual(parse(['--controllers=']).controllers, []);
  });

  it('leaves what follows -- alone, and what is no flag', () => {
    const parsed = parseFlags(table, ['get', '--node-id=n', '-', '--', '--nope'], {}, { maxPositionals: 3 });
    assert.deepEqual(parsed.positionals, ['get', '-', '--nope']);
  });

  it('refuses an unknown flag and names the one that was meant', () => {
    assert.throws(
      () => parse(['--node-di', 'n']),
      refusal('unknown-flag', /--node-di: did you mean --node-id\?/),
    );
    assert.throws(
      () => parse(['--nodeId=n']),
      refusal('unknown-flag', /unknown flag --nodeId: did you mean --node-id/),
    );
    assert.throws(() => parse(['--colour']), refusal('unknown-flag', /--colour: see --help/));
    assert.throws(() => parse(['-v']), refusal('unknown-flag', /-v/));
    assert.throws(() => parse(['--constructor']), refusal('unknown-flag', /--constructor/));
    assert.throws(() => parse(['--__proto__=1']), refusal('unknown-flag', /__proto__/));
  });

  it('refuses a bad value and says what is allowed', () => {
    assert.throws(
      () => parse(['--concurrency', '0']),
      refusal('bad-value', /^--concurrency: "0": must be a whole number from 1 to 100$/),
    );
    assert.throws(() => parse(['--concurrency=1e1']), refusal('bad-value', /whole number/));
    assert.throws(
      () => parse(['--log-level', 'trace']),
      refusal('bad-value', /^--log-level: "trace": must be one of debug, info$/),
    );
    assert.throws(() => parse(['--leader-elect=yes']), refusal('bad-value', /must be true or false/));
    assert.throws(() => parse(['--metrics-address', '9402']), refusal('bad-value', /HOST:PORT/));
    assert.throws(() => parse(['--kubeconfig=']), refusal('bad-value', /must not be empty/));
  });

  it('names the variable of a bad value', () => {
    assert.throws(
      () => parse([], { CERTMOUNT_CONCURRENCY: 'many' }),
      refusal('bad-value', /^CERTMOUNT_CONCURRENCY: "many": must be a whole number/),
    );
  });

  it('does not repeat a long value whole', () => {
    assert.throws(
      () => parse(['--concurrency', 'x'.repeat(10_000)]),
      (error) => error instanceof Error && error.message.length < 250,
    );
  });

  it('refuses a flag without its value, a required one that is not there, and one with two values', () => {
    assert.throws(
      () => parse(['--kubeconfig']),
      refusal('missing-value', /--kubeconfig needs a value: --kubeconfig TEXT/),
    );
    assert.throws(
      () => parseFlags(table, [], {}),
      refusal('missing-flag', /--node-id or CERTMOUNT_NODE_ID must be set: Name of the node/),
    );
    assert.throws(() => parse(['--node-id', 'm']), refusal('given-twice', /--node-id .* "n" and "m"/));
    assert.equal(parse(['--node-id', 'n']).nodeId, 'n');
  });

  it('refuses arguments that nothing takes', () => {
    assert.throws(() => parse(['driver']), refusal('unexpected-argument', /"driver"/));
    assert.throws(() => parse(['--leader-elect', 'false']), refusal('unexpected-argument', /--name=false/));
  });

  it('reads back any text given to it, either way', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.boolean(), (text, together) => {
        const argv = together ? [`--kubeconfig=${text}`] : ['--kubeconfig', text];
        assert.equal(parse(argv).kubeconfig, text);
      }),
    );
  });

  it('throws nothing but FlagError, whatever it is given', () => {
    const argument = fc.oneof(
      fc.string(),
      fc.constantFrom(...Object.keys(table).map(flagName), '--', '-', '--='),
      fc
        .tuple(fc.constantFrom(...Object.keys(table).map(flagName)), fc.string())
        .map(([flag, text]) => `${flag}=${text}`),
    );
    const env = fc.dictionary(fc.constantFrom(...Object.keys(table).map(environmentName)), fc.string());
    fc.assert(
      fc.property(fc.array(argument), env, (argv, variables) => {
        try {
          const { values } = parseFlags(table, argv, variables, { maxPositionals: 2 });
          assert.deepEqual(Object.keys(values), Object.keys(table));
        } catch (error) {
          assert.ok(error instanceof FlagError, String(error));
        }
      }),
    );
  });
});

describe('names of flags', () => {
  it('are made from the names in the table', () => {
    assert.equal(flagName('clusterResourceNamespace'), '--cluster-resource-namespace');
    assert.equal(environmentName('clusterResourceNamespace'), 'CERTMOUNT_CLUSTER_RESOURCE_NAMESPACE');
  });
});

describe('wantsHelp', () => {
  it('sees --help and -h, but not after --', () => {
    assert.ok(wantsHelp(['--nope', '-h']));
    assert.ok(wantsHelp(['--help']));
    assert.ok(!wantsHelp(['--', '--help']));
    assert.ok(!wantsHelp([]));
  });
});
