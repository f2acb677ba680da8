import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root } from '../../tools/run-command.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';

const workloads = new Set(['Deployment', 'DaemonSet', 'PodDisruptionBudget']);

/** All of `kubectl apply -k deploy` and `-k daemonset` but what runs: the test starts the programs itself. */
export async function installManifests(controlPlane: ControlPlane): Promise<void> {
  const objects: { readonly kind: string }[] = [];
  for (const base of ['deploy', 'daemonset']) {
    const text = await controlPlane.kubectl(['kustomize', join(root, base)]);
    objects.push(...parseAllDocuments(text).map((document) => document.toJS() as { readonly kind: string }));
  }
  const wanted = objects.filter(({ kind }) => !workloads.has(kind));
  const definitions = wanted.filter(({ kind }) => kind === 'CustomResourceDefinition');
  await controlPlane.apply(definitions);
  await controlPlane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  await controlPlane.apply(wanted.filter((object) => !definitions.includes(object)));
}
