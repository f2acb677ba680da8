import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from '../../tools/run-command.ts';

/** The folders with manifests. */
export type Base = 'deploy' | 'daemonset';

/**
 * Writes a kustomization of a base and some of its components.
 *
 * @param more of the kustomization, such as patches
 * @returns its folder, for `kubectl apply -k`
 */
export function writeOverlay(
  directory: string,
  base: Base,
  components: readonly string[] = [],
  more: object = {},
): string {
  const overlay = join(directory, 'overlays', [base, ...components].join('+'));
  mkdirSync(overlay, { recursive: true });
  const from = (path: string): string => relative(overlay, join(root, path));
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [from(base)],
    components: components.map((name) => from(`${base}/components/${name}`)),
    ...more,
  };
  writeFileSync(join(overlay, 'kustomization.yaml'), JSON.stringify(kustomization));
  return overlay;
}
