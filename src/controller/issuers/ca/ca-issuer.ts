import type { CaIssuer } from '../../../api/issuer.ts';
import type { Secret } from '../../../api/core.ts';
import type { IssuerState, NotReadyIssuer } from '../issuer-state.ts';
import type { SecretState } from '../named-secrets.ts';
import type { CaKeyPairResult } from './ca-key-pair.ts';
import { caSigner } from './ca-signer.ts';

/** What a CA issuer can do, given its Secret. Pure, but for `read`, which may remember what it has parsed. */
export function caIssuerState(
  spec: CaIssuer,
  secret: SecretState,
  now: number,
  read: (secret: Secret) => CaKeyPairResult,
): IssuerState {
  switch (secret.state) {
    case 'loading':
      return { state: 'loading' };
    case 'unavailable':
      return notReady('ErrGetKeyPair', secret.message);
    case 'absent':
      return notReady('ErrGetKeyPair', `secrets "${spec.secretName}" not found`);
    case 'present':
      return keyPairState(spec, read(secret.secret), now);
  }
}

function keyPairState(spec: CaIssuer, result: CaKeyPairResult, now: number): IssuerState {
  if (!result.usable) return notReady(result.reason, result.problem);
  const { notBefore, notAfter } = result.keyPair.certificate;
  if (now < notBefore.getTime()) {
    const problem = `certificate is not valid before ${notBefore.toISOString()}`;
    return notReady('ErrInvalidKeyPair', problem, notBefore.getTime());
  }
  if (now >= notAfter.getTime()) {
    return notReady('ErrInvalidKeyPair', `certificate has expired at ${notAfter.toISOString()}`);
  }
  return {
    state: 'ready',
    reason: 'KeyPairVerified',
    message: 'Signing CA verified',
    signer: caSigner(spec, result.keyPair),
    anchors: result.keyPair.anchors,
    recheckAt: notAfter.getTime(),
  };
}

function notReady(reason: string, problem: string, recheckAt?: number): NotReadyIssuer {
  const message = `Error getting keypair for CA issuer: ${problem}`;
  return { state: 'not-ready', reason, message, ...(recheckAt !== undefined && { recheckAt }) };
}
