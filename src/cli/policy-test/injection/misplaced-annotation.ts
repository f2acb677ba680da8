import type { Pod } from '../../../api/core.ts';
import { type Annotations, asksAnnotation, type Injection } from './settings.ts';

/**
 * What kubectl warns of (workloads-policy.yaml): an annotation at a workload that is of no pod of it, unless its pods have
 * a volume already.
 *
 * @param path of the pod template in the workload
 */
export function misplacedAnnotation(
  ofWorkload: Annotations,
  { metadata, spec }: Pick<Pod, 'metadata' | 'spec'>,
  path: readonly string[],
  { driver }: Injection,
): string | undefined {
  if ((spec.volumes ?? []).some(({ csi }) => csi?.driver === driver)) return undefined;
  const ofPods = metadata.annotations ?? {};
  const misplaced = Object.keys(ofWorkload).find((key) => key.startsWith(asksAnnotation) && !(key in ofPods));
  return misplaced === undefined
    ? undefined
    : `${misplaced} has no effect here: it must be under ${path.join('.')}.metadata.annotations`;
}
