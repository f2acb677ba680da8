import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../../pki/index.ts';
import type { GenerationFiles } from './files/generation.ts';
import { renderGeneration } from './files/render-generation.ts';
import { verifyIssued } from './issuance/verify-issued.ts';
import { readPasswords } from './passwords.ts';
import { generationNumber } from './read-generation.ts';
import { toVolumeError } from './volume-error.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSpec } from './volume-spec.ts';
import type { Generation, Pending } from './volume.ts';
import { renewalTime } from './renewal/renewal-time.ts';

export interface IssuedGeneration {
  readonly generation: Generation;
  /** Milliseconds since the epoch. */
  readonly renewAt: number;
}

/** Request, wait, verify, write: until the rename nothing in the volume has changed, after it everything has. */
export async function issueGeneration(
  spec: VolumeSpec,
  pending: Pending,
  signal: AbortSignal,
  ports: VolumePorts,
): Promise<IssuedGeneration> {
  const { clock, files, issuance, metrics } = ports;
  const issued = await issuance.obtain(spec, pending.key, pending.request, signal);
  const received = performance.now();
  const now = clock.now();
  const material = verifyIssued(
    spec,
    pending.key,
    issued.certificates,
    issued.ca,
    new Date(now),
    ports.readAnchors,
  );
  const renewAt = nextRenewal(spec, material.chain[0], now, ports);
  const verified = performance.now();
  try {
    ports.mounts.assertMounted(spec.targetPath);
    const generation = generationNumber(spec, files) + 1;
    const password = readPasswords(spec, files);
    const context = { generation, renewAt, password };
    const rendered = renderGeneration(spec, pending.key, material, context);
    files.write(spec.targetPath, withKnownAnchors(spec, rendered, ports));
  } catch (error) {
    throw toVolumeError(error, 'mount-failed', 'cannot write the files of the volume');
  }
  metrics.issuancePhase('verify', (verified - received) / 1000);
  metrics.issuancePhase('write', (performance.now() - verified) / 1000);
  return {
    generation: generationOf(material.chain[0]),
    renewAt,
  };
}

/**
 * A driver in whose place this one is may have had the anchors from elsewhere (`--source-ca-bundle` of csi-driver-spiffe).
 * Where the issuer names none they stay: without them the pod could verify nobody any more.
 */
function withKnownAnchors(
  { files: { ca }, targetPath }: VolumeSpec,
  rendered: GenerationFiles,
  { files, mounts }: VolumePorts,
): GenerationFiles {
  if (ca === undefined || rendered.files.has(ca)) return rendered;
  const known = files.read(targetPath, ca);
  if (known === undefined || !mounts.isForeign(targetPath)) return rendered;
  return { ...rendered, files: new Map([...rendered.files, [ca, known]]) };
}

export async function makeKey(spec: VolumeSpec, signal: AbortSignal, ports: VolumePorts): Promise<KeyObject> {
  const started = performance.now();
  const key = await ports.generateKey(spec.key.spec, signal);
  ports.metrics.issuancePhase('key', (performance.now() - started) / 1000);
  return key;
}

export function generationOf(leaf: Certificate): Generation {
  return {
    serialNumber: leaf.serialNumber,
    notBefore: leaf.notBefore.getTime(),
    notAfter: leaf.notAfter.getTime(),
  };
}

export function nextRenewal(
  spec: VolumeSpec,
  leaf: Certificate,
  issuedAt: number,
  ports: VolumePorts,
): number {
  const { notBefore, notAfter } = generationOf(leaf);
  return renewalTime({ notBefore, notAfter }, issuedAt, spec.renewBefore, ports.renewalSpread(leaf));
}
