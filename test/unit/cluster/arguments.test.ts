import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCommand, UsageError } from '../../cluster/cli/arguments.ts';

describe('the command line of npm run cluster', () => {
  it('starts the default cluster without a node', () => {
    assert.deepEqual(parseCommand(['up']), {
      command: 'up',
      name: 'default',
      nodes: 0,
      featureGates: {},
      runtimeConfig: undefined,
    });
  });

  it('takes options on either side of the command', () => {
    const expected = { command: 'status', name: 'mine', all: true };
    assert.deepEqual(parseCommand(['--name', 'mine', 'status', '--all']), expected);
    assert.deepEqual(parseCommand(['status', '--all', '--name=mine']), expected);
  });

  it('starts one node with --node and several with --nodes', () => {
    assert.equal(nodesOf(['up', '--node']), 1);
    assert.equal(nodesOf(['up', '--nodes', '3']), 3);
  });

  it('reads feature gates as Kubernetes does', () => {
    const command = parseCommand(['up', '--feature-gates', 'PodCertificateRequest=true,Other=false']);
    assert.deepEqual(command.command === 'up' && command.featureGates, {
      PodCertificateRequest: true,
      Other: false,
    });
  });

  it('gives kubectl everything after its name, options and all', () => {
    const expected = {
      command: 'kubectl',
      name: 'mine',
      args: ['get', 'pods', '--all-namespaces', '--name=x', '--help'],
    };
    assert.deepEqual(
      parseCommand(['--name', 'mine', 'kubectl', 'get', 'pods', '--all-namespaces', '--name=x', '--help']),
      expected,
    );
  });

  it('shows help without a command, with --help and with help', () => {
    for (const argv of [[], ['--help'], ['help'], ['up', '--help']]) {
      assert.equal(parseCommand(argv).command, 'help');
    }
  });

  for (const argv of [
    ['destroy'],
    ['up', '--nods'],
    ['up', '--nodes', '7'],
    ['up', '--nodes', '0'],
    ['up', '--name', '../x'],
    ['up', '--feature-gates', 'A'],
    ['status', 'extra'],
  ]) {
    it(`refuses "${argv.join(' ')}"`, () => {
      assert.throws(() => parseCommand(argv), UsageError);
    });
  }
});

function nodesOf(argv: readonly string[]): number | undefined {
  const command = parseCommand(argv);
  return command.command === 'up' ? command.nodes : undefined;
}
