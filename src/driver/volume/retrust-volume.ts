import { volumeAnchors } from '../trust/volume-anchors.ts';
import { identityFiles } from './files/render-generation.ts';
import { renderKeystores } from './files/render-keystores.ts';
import { holdsTrust, renderTrust, type TrustMaterial } from './files/render-trust.ts';
import { readPasswords } from './passwords.ts';
import { readAnchorsOf } from './read-anchors.ts';
import { readGeneration } from './read-generation.ts';
import { serveWorkloadApi } from './serve-workload-api.ts';
import { toVolumeError, VolumeError } from './volume-error.ts';
import type { VolumePorts } from './volume-ports.ts';
import { advance, isLive, type LiveVolume } from './volume.ts';
import type { VolumeTable } from './volumes.ts';

/**
 * Gives a volume that has a certificate the anchors that it is to have by now, in one generation beside the same key and
 * certificate. All of it in one turn of the event loop, so that it may come between two steps of a renewal: neither finds
 * what the other has done by half, and each takes from the volume what is newest.
 *
 * @returns whether anything was written
 * @throws {VolumeError} with the volume as it was
 */
export function retrustVolume(volumeId: string, table: VolumeTable, ports: VolumePorts): boolean {
  const volume = table.get(volumeId);
  if (volume === undefined || !isLive(volume)) return false;
  const { anchors, files, readAnchors } = ports;
  const { spec } = volume;
  try {
    ports.mounts.assertMounted(spec.targetPath);
    const present = readAnchorsOf(spec, ports);
    const wanted = volumeAnchors(spec, present, undefined, anchors, readAnchors);
    const material = { anchors: wanted.own, federated: wanted.federated, trust: wanted.state };
    const isSame = holdsTrust(spec, material, present.state, (name) => files.read(spec.targetPath, name));
    if (!isSame) writeAnchors(volume, material, ports);
    table.set(advance(volume, { type: 'retrusted', trust: wanted.state }));
    if (!isSame) void serveWorkloadApi(spec, ports);
    return !isSame;
  } catch (error) {
    throw toVolumeError(error, 'mount-failed', "cannot change the volume's trust anchors");
  }
}

/** Key and certificate are taken over as the bytes that they are. */
function writeAnchors({ renewAt, spec }: LiveVolume, trust: TrustMaterial, { files }: VolumePorts): void {
  const { keystores, targetPath } = spec;
  const found = readGeneration(spec, files);
  if (found === undefined)
    throw new VolumeError('mount-failed', 'the volume does not hold a whole set of files');
  const { chain, generation, key } = found;
  const password = readPasswords(spec, files);
  const kept = new Map<string, string | Uint8Array>();
  for (const name of identityFiles(spec)) {
    const content = files.readBytes(targetPath, name);
    if (content !== undefined) kept.set(name, content);
  }
  const stores = keystores === undefined ? [] : renderKeystores(keystores, key, chain, password);
  const changed = renderTrust(spec, { chain, ...trust }, { generation: generation + 1, renewAt, password });
  files.write(targetPath, { files: new Map([...kept, ...stores, ...changed]), group: spec.group });
}
