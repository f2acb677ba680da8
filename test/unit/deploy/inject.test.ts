import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { presets } from '../../../src/driver/volume/attributes/files/presets.ts';
import { isKnownAttribute } from '../../../src/driver/volume/attributes/known-attributes.ts';
import { root } from '../../../tools/run-command.ts';

const read = (file: string): string => readFileSync(join(root, file), 'utf8').replace(/\s+/g, ' ');
const folder = 'deploy/components/inject';
const [mutating, annotations] = [
  read(`${folder}/mutating-policy.yaml`),
  read(`${folder}/annotations-policy.yaml`),
];

function listAfter(text: string, start: string): string[] {
  const from = text.indexOf(start);
  assert.ok(from >= 0, start);
  const list = text.slice(text.indexOf('[', from), text.indexOf(']', from));
  return [...list.matchAll(/'([a-z0-9-]+)'/g)].map(([, name = '']) => name);
}

describe('the settings of injection', () => {
  const issuer = listAfter(mutating, '- name: issuerNames');
  const others = listAfter(mutating, '- name: settings');
  const known = listAfter(annotations, '- name: known');

  it('are the same where they are used and where they are checked', () => {
    assert.ok(mutating.includes("'certmount.io/inject-exclude-containers'"));
    assert.deepEqual([...issuer, ...others, 'exclude-containers'].toSorted(), known.toSorted());
    assert.ok(known.length > 15);
  });

  it('are attributes that the driver knows, but for two', () => {
    const unknown = known.filter((name) => !isKnownAttribute(name));
    assert.deepEqual(unknown, ['mount-path', 'exclude-containers']);
  });

  it('allow every preset that there is', () => {
    assert.deepEqual(listAfter(annotations, "'preset': [").toSorted(), presets.toSorted());
  });

  it('are all in the document for users', () => {
    const text = read('docs/inject.md');
    for (const name of known) assert.ok(text.includes(`\`certmount.io/inject-${name}\``), name);
  });
});
