import type { VolumeSpec } from '../volume-spec.ts';
import type { GenerationFiles } from './generation.ts';

/** What lies in a volume that has no certificate yet: an application waits for the number to change. */
export function renderPlaceholder(spec: VolumeSpec): GenerationFiles {
  const { generation } = spec.files;
  return { files: new Map(generation === undefined ? [] : [[generation, '0\n']]), group: spec.group };
}
