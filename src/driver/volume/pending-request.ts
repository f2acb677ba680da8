import { decodePrivateKey, encodePrivateKey } from '../../pki/index.ts';
import type { VolumeFiles } from './files/volume-files.ts';
import { isKeyOf } from './read-generation.ts';
import type { VolumeSpec } from './volume-spec.ts';
import type { Pending } from './volume.ts';

/**
 * Keeps a request that is about to be created, its name and its key, in the volume's own memory: there it outlives the
 * driver but not the volume. One file, so that a restarted driver finds both or neither.
 */
export function savePending(spec: VolumeSpec, pending: Pending, files: VolumeFiles): void {
  files.savePending(spec.targetPath, `${pending.request}\n${encodePrivateKey(pending.key, 'PKCS8')}`);
}

/** What was under way when the driver ended; undefined when there is nothing, or no key of the kind asked for. */
export function readPending(spec: VolumeSpec, files: VolumeFiles): Pending | undefined {
  const text = files.readPending(spec.targetPath);
  if (text === undefined) return undefined;
  const end = text.indexOf('\n');
  const request = text.slice(0, end);
  if (!/^[a-z0-9.-]{1,253}$/.test(request)) return undefined;
  try {
    const key = decodePrivateKey(text.slice(end + 1));
    return isKeyOf(spec, key) ? { request, key } : undefined;
  } catch {
    return undefined;
  }
}
