import type { PresentAnchors } from '../trust/volume-anchors.ts';
import type { Certificate } from '../../pki/index.ts';
import { federatedAnchorsFile } from './files/federated-files.ts';
import { trustFile } from './files/generation.ts';
import { parseTrustState } from './trust-state.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSpec } from './volume-spec.ts';

/** The anchors that lie in the volume, and where they are from. What cannot be read counts as not there. */
export function readAnchorsOf(
  { files: { ca }, targetPath }: VolumeSpec,
  { clock, files, readAnchors }: Pick<VolumePorts, 'clock' | 'files' | 'readAnchors'>,
): PresentAnchors {
  const read = (name: string): readonly Certificate[] => {
    const pem = files.read(targetPath, name) ?? '';
    try {
      return pem.trim() === '' ? [] : readAnchors(pem);
    } catch {
      return [];
    }
  };
  const state = parseTrustState(files.read(targetPath, trustFile));
  return {
    state,
    own: ca === undefined ? [] : read(ca),
    federated: (state?.federated ?? [])
      .map((applied) => ({ applied, anchors: read(federatedAnchorsFile(applied.trustDomain)) }))
      .filter(({ anchors }) => anchors.length > 0),
    issuedAt: state?.issuedAt ?? files.writtenAt(targetPath) ?? clock.now(),
  };
}
