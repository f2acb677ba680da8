import type { KnownPolicy } from '../../policy/index.ts';
import { misplacedAnnotation } from './injection/misplaced-annotation.ts';
import { kindText, knownKind } from './kinds.ts';
import type { PlannedPod } from './pods-of.ts';
import { type Manifest, manifestText } from './read-manifests.ts';
import type { Scene } from './scene.ts';

/** Namespaces whose labels would count, and are not known. */
export function unlabelled(
  namespaces: Iterable<string>,
  policies: readonly KnownPolicy[],
  scene: Scene,
): string[] {
  if (policies.every(({ spec }) => spec.selector.namespace?.matchLabels === undefined)) return [];
  return [...new Set(namespaces)]
    .filter((name) => !scene.namespaces.has(name))
    .map((name) => `namespace ${name} is in no file: policies that select by labels do not apply to it`);
}

/** An annotation at the workload in the place of its pods. */
export function misplaced(manifest: Manifest, { path, pod }: PlannedPod, { injection }: Scene): string[] {
  if (path.length < 2) return [];
  const { annotations = {} } = manifest.object.metadata;
  const warning = misplacedAnnotation(annotations, pod, path, injection);
  return warning === undefined ? [] : [`${manifestText(manifest)}: ${warning}`];
}

/** Objects of other projects that make pods with volumes of these drivers. */
export function notLookedAt(manifests: readonly Manifest[], driverNames: readonly string[]): string[] {
  return manifests
    .filter(({ object }) => knownKind(object) === undefined)
    .filter(({ object }) =>
      driverNames.some((name) => JSON.stringify(object).includes(`"driver":${JSON.stringify(name)}`)),
    )
    .map((manifest) => `${manifestText(manifest)}: pods of a ${kindText(manifest.object)} are not looked at`);
}
