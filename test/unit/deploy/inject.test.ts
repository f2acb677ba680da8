import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { celEnv, isCelList, isCelMap, parse, plan } from '@bufbuild/cel';
import { parseAllDocuments } from 'yaml';
import { readInjection } from '../../../src/cli/policy-test/injection/read-injection.ts';
import {
  attributeSettings,
  choices,
  examples,
  issuerSettings,
  knownSettings,
  patterns,
  untouchedNamespaces,
  usualInjection,
} from '../../../src/cli/policy-test/injection/settings.ts';
import { presets } from '../../../src/driver/volume/attributes/files/presets.ts';
import { isKnownAttribute } from '../../../src/driver/volume/attributes/known-attributes.ts';
import type { KubeObject } from '../../../src/kube/index.ts';
import { root } from '../../../tools/run-command.ts';

interface Policy extends KubeObject {
  readonly kind: string;
  readonly spec: {
    readonly variables?: readonly { readonly name: string; readonly expression: string }[];
    readonly matchResources?: {
      readonly namespaceSelector: { readonly matchExpressions: readonly { readonly values: string[] }[] };
    };
  };
}

function manifests(file: string): { readonly path: string; readonly object: Policy }[] {
  return parseAllDocuments(readFileSync(join(root, file), 'utf8')).map((document) => ({
    path: file,
    object: document.toJS() as Policy,
  }));
}

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

  it('are those that policy test reads and checks', () => {
    assert.deepEqual(knownSettings.toSorted(), known.toSorted());
    assert.deepEqual([...issuerSettings, ...attributeSettings, 'mount-path'], [...issuer, ...others]);
    const [checks] = manifests(`${folder}/annotations-policy.yaml`);
    const variable = (name: string): unknown => {
      const { expression = '' } = checks?.object.spec.variables?.find((each) => each.name === name) ?? {};
      const value = plan(celEnv(), parse(expression).expr)({});
      return isCelMap(value)
        ? Object.fromEntries([...value].map(([key, each]) => [key, isCelList(each) ? [...each] : each]))
        : isCelList(value) && [...value];
    };
    assert.deepEqual(variable('known'), knownSettings);
    assert.deepEqual(variable('choices'), choices);
    assert.deepEqual(variable('patterns'), patterns);
    assert.deepEqual(variable('examples'), examples);
    assert.deepEqual(readInjection(manifests(`${folder}/mutating-policy.yaml`), []), usualInjection);
    for (const file of globSync(`${folder}/*-policy.yaml`, { cwd: root })) {
      const binding = manifests(file).find(({ object }) => object.kind.endsWith('Binding'));
      const [expression] = binding?.object.spec.matchResources?.namespaceSelector.matchExpressions ?? [];
      assert.deepEqual(expression?.values, untouchedNamespaces, file);
    }
  });

  it('are all in the document for users', () => {
    const text = read('docs/inject.md');
    for (const name of known) assert.ok(text.includes(`\`certmount.io/inject-${name}\``), name);
  });
});
