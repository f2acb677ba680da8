import { generateKeyPair, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { checkKeySpec, curveOf, type KeySpec } from './key-spec.ts';

/**
 * Makes a private key.
 *
 * RSA, P-384 and P-521 take from a millisecond to seconds and are made on libuv's threads. P-256 and Ed25519 take
 * 0.04 ms, a third of what handing them to a thread takes, and are made at once.
 *
 * libuv has four threads for the whole process, the file system included: whoever may make many RSA keys at once uses
 * a {@link KeyGenerator}.
 */
export async function generateKey(spec: KeySpec): Promise<KeyObject> {
  const checked = checkKeySpec(spec);
  if (checked.algorithm === 'Ed25519') return generateKeyPairSync('ed25519').privateKey;
  if (checked.algorithm === 'ECDSA' && checked.size === 256)
    return generateKeyPairSync('ec', { namedCurve: curveOf[256] }).privateKey;
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _: KeyObject, privateKey: KeyObject): void => {
      if (error === null) resolve(privateKey);
      else reject(error);
    };
    if (checked.algorithm === 'RSA') generateKeyPair('rsa', { modulusLength: checked.size }, done);
    else generateKeyPair('ec', { namedCurve: curveOf[checked.size] }, done);
  });
}
