import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commonFlags } from '../../../src/runtime/common-flags.ts';
import { helpText } from '../../../src/runtime/flag-help.ts';
import { environmentName, flagName, listFlag, textFlag, toggleFlag } from '../../../src/runtime/flags.ts';

const table = {
  ...commonFlags,
  nodeId: textFlag({ placeholder: 'NODE', help: 'Name of the node.', required: true }),
  leaderElect: toggleFlag({ help: 'Elect a leader.', default: true }),
  controllers: listFlag({ help: 'Which controllers run.', default: ['a', 'b'] }),
};

describe('helpText', () => {
  const text = helpText(table, { program: 'certmount driver', summary: 'Serves volumes.', width: 80 });

  it('has every flag with its variable', () => {
    for (const name of Object.keys(table)) {
      assert.match(text, new RegExp(`^  ${flagName(name)}[ \\[]`, 'm'));
      assert.match(text, new RegExp(`^      ${environmentName(name)}$`, 'm'));
    }
    assert.match(text, /--help, -h/);
  });

  it('shows value, meaning, default and what is required', () => {
    assert.match(text, /^Usage: certmount driver \[flags\]\nServes volumes\.\n/);
    assert.match(text, /^  --node-id NODE\n      Name of the node\. Required\.$/m);
    assert.match(text, /^  --leader-elect\[=false\]\n      Elect a leader\. Default: true\.$/m);
    assert.match(text, /Which controllers run\. May be given several times\. Default: a,b\.$/m);
    assert.match(text, /--log-format auto\|json\|pretty/);
    assert.match(text, /Default: :9402\.$/m);
    assert.doesNotMatch(text, /undefined/);
  });

  it('keeps to the width', () => {
    assert.ok(text.split('\n').every((line) => line.length <= 80));
  });
});
