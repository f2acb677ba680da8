import type { CaIssuer } from '../../../api/issuer.ts';
import type { Secret } from '../../../api/core.ts';
import type { IssuerState, NotReadyIssuer } from '../issuer-state.ts';
import type { SecretState } from '../named-secrets.ts';
import type { CaKeyPair, CaKeyPairResult } from './ca-key-pair.ts';
import { caSigner, waitingSigner } from './ca-signer.ts';
import type { SigningChoice } from './signing-choice.ts';

export interface CaIssuerDependencies {
  readonly now: number;
  /** May remember what it has parsed. */
  readonly read: (secret: Secret) => CaKeyPairResult;
  /** Which CA signs, now that the Secret has this one. */
  readonly choose: (pair: CaKeyPair, secret: Secret) => SigningChoice;
}

/** What a CA issuer can do, given its Secret. */
export function caIssuerState(spec: CaIssuer, secret: SecretState, deps: CaIssuerDependencies): IssuerState {
  switch (secret.state) {
    case 'loading':
      return { state: 'loading' };
    case 'unavailable':
      return notReady('ErrGetKeyPair', secret.message);
    case 'absent':
      return notReady('ErrGetKeyPair', `secrets "${spec.secretName}" not found`);
    case 'present':
      return keyPairState(spec, secret.secret, deps);
  }
}

function keyPairState(spec: CaIssuer, secret: Secret, deps: CaIssuerDependencies): IssuerState {
  const { now, read, choose } = deps;
  const result = read(secret);
  if (!result.usable) return notReady(result.reason, result.problem);
  const { notBefore, notAfter } = result.keyPair.certificate;
  if (now < notBefore.getTime()) {
    const problem = `certificate is not valid before ${notBefore.toISOString()}`;
    return notReady('ErrInvalidKeyPair', problem, notBefore.getTime());
  }
  if (now >= notAfter.getTime()) {
    return notReady('ErrInvalidKeyPair', `certificate has expired at ${notAfter.toISOString()}`);
  }
  const choice = choose(result.keyPair, secret);
  if (choice.choice === 'loading') return { state: 'loading' };
  return {
    state: 'ready',
    reason: 'KeyPairVerified',
    message: 'Signing CA verified',
    signer: choice.choice === 'sign' ? caSigner(spec, choice) : waitingSigner(choice.message),
    anchors: choice.anchors,
    recheckAt: notAfter.getTime(),
  };
}

function notReady(reason: string, problem: string, recheckAt?: number): NotReadyIssuer {
  const message = `Error getting keypair for CA issuer: ${problem}`;
  return { state: 'not-ready', reason, message, ...(recheckAt !== undefined && { recheckAt }) };
}
