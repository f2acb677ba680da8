import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../../pki/index.ts';
import { issuerSource, unmetTrust, type VolumeAnchors, volumeAnchors } from '../trust/volume-anchors.ts';
import type { GenerationFiles } from './files/generation.ts';
import { renderGeneration } from './files/render-generation.ts';
import { verifyIssued } from './issuance/verify-issued.ts';
import { readPasswords } from './passwords.ts';
import { readAnchorsOf } from './read-anchors.ts';
import { generationNumber } from './read-generation.ts';
import { toVolumeError, VolumeError } from './volume-error.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { VolumeSpec } from './volume-spec.ts';
import type { Generation, Pending } from './volume.ts';
import { renewalTime } from './renewal/renewal-time.ts';
import type { TrustState } from './trust-state.ts';
import { withTimeLimit } from './with-time-limit.ts';

export interface IssuedGeneration {
  readonly generation: Generation;
  /** Milliseconds since the epoch. */
  readonly renewAt: number;
}

/** What the node heard of anchors is waited for so long; then those that come with the certificate have to do. */
const anchorsHeardMs = 1_000;

/** Request, wait, verify, write: until the rename nothing in the volume has changed, after it everything has. */
export async function issueGeneration(
  spec: VolumeSpec,
  pending: Pending,
  signal: AbortSignal,
  ports: VolumePorts,
): Promise<IssuedGeneration> {
  const { anchors, clock, files, issuance, metrics, readAnchors } = ports;
  await anchorsToBeKnown(spec, signal, ports);
  const issued = await issuance.obtain(spec, pending.key, pending.request, signal);
  // From here to the end nothing is waited for: a change of anchors comes before all of it or after.
  const unmet = hasAnchors(spec, files) ? undefined : unmetTrust(spec, anchors);
  if (unmet !== undefined) throw new VolumeError('not-issued-yet', `the volume waits for ${unmet}`);
  const received = performance.now();
  const now = clock.now();
  const source = issuerSource(spec);
  const set = source === undefined ? undefined : anchors.find(source);
  const { anchors: named, chain } = verifyIssued(
    spec,
    pending.key,
    issued.certificates,
    issued.ca,
    new Date(now),
    readAnchors,
    set === undefined ? [] : readAnchors(set.anchors),
  );
  const renewAt = nextRenewal(spec, chain[0], now, ports);
  const verified = performance.now();
  let trust: VolumeAnchors;
  try {
    ports.mounts.assertMounted(spec.targetPath);
    const generation = generationNumber(spec, files) + 1;
    const password = readPasswords(spec, files);
    const present = readAnchorsOf(spec, ports);
    trust = volumeAnchors(spec, present, { anchors: named, at: now }, anchors, readAnchors);
    const material = { chain, anchors: trust.own, federated: trust.federated, trust: trust.state };
    const rendered = renderGeneration(spec, pending.key, material, { generation, renewAt, password });
    files.write(spec.targetPath, withKnownAnchors(spec, rendered, ports));
  } catch (error) {
    throw toVolumeError(error, 'mount-failed', 'cannot write the files of the volume');
  }
  metrics.issuancePhase('verify', (verified - received) / 1000);
  metrics.issuancePhase('write', (performance.now() - verified) / 1000);
  return {
    generation: generationOf(chain[0], trust.state),
    renewAt,
  };
}

/** A volume that has anchors keeps them until there are others; before that it waits for those that it names. */
async function anchorsToBeKnown(spec: VolumeSpec, signal: AbortSignal, ports: VolumePorts): Promise<void> {
  const { anchors, files } = ports;
  if (!hasAnchors(spec, files)) await anchors.whenMet(() => unmetTrust(spec, anchors), signal);
  if (anchors.state !== 'unknown') return;
  const heard = (): string | undefined => (anchors.state === 'unknown' ? 'the trust anchors' : undefined);
  await withTimeLimit(anchorsHeardMs, signal, ports, (limited) => anchors.whenMet(heard, limited)).catch(
    (error: unknown) => {
      if (signal.aborted) throw error;
    },
  );
}

function hasAnchors({ files: { ca }, targetPath }: VolumeSpec, files: VolumePorts['files']): boolean {
  return ca !== undefined && files.read(targetPath, ca) !== undefined;
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

export function generationOf(leaf: Certificate, trust: TrustState | undefined): Generation {
  return {
    serialNumber: leaf.serialNumber,
    notBefore: leaf.notBefore.getTime(),
    notAfter: leaf.notAfter.getTime(),
    trust,
  };
}

export function nextRenewal(
  spec: VolumeSpec,
  leaf: Certificate,
  issuedAt: number,
  ports: VolumePorts,
): number {
  const lifetime = { notBefore: leaf.notBefore.getTime(), notAfter: leaf.notAfter.getTime() };
  return renewalTime(lifetime, issuedAt, spec.renewBefore, ports.renewalSpread(leaf));
}
