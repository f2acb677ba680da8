import { type AttributeSurroundings, parseAttributes } from './attributes/parse-attributes.ts';
import { podIdentityOf } from './identity.ts';
import type { VolumeSpec } from './volume-spec.ts';
import type { VolumeSource } from './volumes.ts';

export type NodeSurroundings = Omit<AttributeSurroundings, 'pod' | 'mountGroup' | 'podIps'>;

/**
 * What a stored record, or a call of the kubelet, asks for.
 *
 * @param podIps where they are known
 * @throws {VolumeError} `invalid-attribute` or `invalid-request`
 */
export function parseSpec(
  { context, mountGroup, targetPath, volumeId }: Omit<VolumeSource, 'secrets' | 'seLinuxContext'>,
  node: NodeSurroundings,
  podIps: readonly string[] | undefined,
): VolumeSpec {
  const pod = podIdentityOf(context);
  return { volumeId, targetPath, ...parseAttributes(context, { ...node, pod, mountGroup, podIps }) };
}
