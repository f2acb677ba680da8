import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { controllerFlags } from '../../../src/controller/options.ts';
import { defaultsOf } from '../../../src/driver/volume/attributes/compatibility.ts';
import { driverFlags, driverOptions } from '../../../src/driver/options.ts';
import { parseFlags } from '../../../src/runtime/parse-flags.ts';
import { root } from '../../../tools/run-command.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: readonly Rule[];
  readonly spec?: { readonly template?: { readonly spec: PodSpec } };
}

interface PodSpec {
  readonly containers: readonly { readonly command: readonly string[]; readonly args: readonly string[] }[];
}

function manifests(folder: string): Manifest[] {
  return globSync('*.yaml', { cwd: join(root, folder) })
    .filter((file) => file !== 'kustomization.yaml')
    .flatMap((file) => parseAllDocuments(readFileSync(join(root, folder, file), 'utf8')))
    .map((document) => document.toJS() as Manifest);
}

function resourcesOf(folder: string): string[] {
  const text = readFileSync(join(root, folder, 'kustomization.yaml'), 'utf8');
  return (parse(text) as { resources?: string[] }).resources ?? [];
}

/** The names of drivers that may report what their volumes trust. */
function reportingDrivers(): readonly string[] {
  const text = readFileSync(join(root, 'deploy/policies/node-trust.yaml'), 'utf8');
  const [, list = ''] = /spec\.driverName in\s+\[(.*)\]/.exec(text) ?? [];
  return Array.from(list.matchAll(/'([^']+)'/g), ([, name = '']) => name);
}

const components = globSync('{deploy,daemonset}/components/*', { cwd: root });

function argumentsOf(folder: string, kind: string): readonly string[] {
  const workload = manifests(folder).find((manifest) => manifest.kind === kind);
  return workload?.spec?.template?.spec.containers[0]?.args ?? assert.fail(`no ${kind}`);
}

/** Of a kind that the bases define themselves, which one kubectl apply cannot do: the controller makes it where it is missing. */
const madeByController = 'policies/default-policy.yaml';

describe('the policy for what nodes trust', () => {
  it('knows the name of the driver with each compatibility', () => {
    const names = Object.values(defaultsOf).map(({ driverName }) => driverName);
    assert.deepEqual(reportingDrivers().toSorted(), names.toSorted());
  });
});

describe('the kustomize bases', () => {
  it('name every manifest of their folder, and nothing else', () => {
    for (const folder of ['deploy', 'daemonset']) {
      const files = globSync('**/*.yaml', { cwd: join(root, folder) }).filter(
        (file) =>
          file !== 'kustomization.yaml' && file !== madeByController && !file.startsWith('components/'),
      );
      assert.deepEqual(resourcesOf(folder).toSorted(), files.toSorted(), folder);
    }
  });

  it('have components that name every manifest of their folder', () => {
    for (const folder of components) {
      const files = globSync('*.yaml', { cwd: join(root, folder) });
      assert.deepEqual([...resourcesOf(folder), 'kustomization.yaml'].toSorted(), files.toSorted(), folder);
    }
  });

  it('start the programs with flags that they know', () => {
    const driver = argumentsOf('daemonset', 'DaemonSet');
    assert.equal(driver[0], 'driver');
    const { values } = parseFlags(driverFlags, driver.slice(1), {});
    const csiDriver = manifests('daemonset').find(({ kind }) => kind === 'CSIDriver');
    assert.equal(driverOptions(values).driverName, csiDriver?.metadata.name);
    const controller = argumentsOf('deploy', 'Deployment');
    assert.equal(controller[0], 'controller');
    parseFlags(controllerFlags, controller.slice(1), {});
  });

  it("expect the driver's requests from the service account that the DaemonSet has", () => {
    const { values } = parseFlags(controllerFlags, [], {});
    const account = manifests('daemonset').find(({ kind }) => kind === 'ServiceAccount');
    assert.deepEqual(values.driverServiceAccount, [
      `system:serviceaccount:certmount:${account?.metadata.name}`,
    ]);
  });

  it('grant no wildcard, and the driver no Secret', () => {
    for (const folder of ['deploy', 'daemonset', ...components]) {
      for (const { metadata, rules = [] } of manifests(folder)) {
        for (const rule of rules) {
          const granted = [...rule.apiGroups, ...rule.resources, ...rule.verbs];
          assert.ok(!granted.includes('*'), `${metadata.name} grants *`);
          if (folder.startsWith('daemonset')) assert.ok(!rule.resources.includes('secrets'), metadata.name);
        }
      }
    }
  });
});
