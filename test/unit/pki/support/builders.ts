import { readFileSync } from 'node:fs';
import type { KeyObject } from 'node:crypto';
import {
  type Authority,
  type CertificateTemplate,
  decodePrivateKey,
  generateKey,
  type KeySpec,
  noAltNames,
  parseCertificate,
  publicKeyOf,
  type RequestTemplate,
  selfSignCertificate,
  signCertificate,
} from '../../../../src/pki/index.ts';

export const now = new Date('2026-11-22T12:00:00Z');
export const hour = 3_600_000;

export const p256: KeySpec = { algorithm: 'ECDSA', size: 256 };

/** Every kind of key, with the largest RSA key from a file because making it takes a minute. */
export const allKeySpecs: readonly KeySpec[] = [
  { algorithm: 'RSA', size: 2048 },
  { algorithm: 'RSA', size: 3072 },
  { algorithm: 'RSA', size: 4096 },
  { algorithm: 'RSA', size: 8192 },
  p256,
  { algorithm: 'ECDSA', size: 384 },
  { algorithm: 'ECDSA', size: 521 },
  { algorithm: 'Ed25519' },
];

/** A new key, but of each RSA size only one for a whole test file. */
export async function makeKey(spec: KeySpec = p256): Promise<KeyObject> {
  if (spec.algorithm !== 'RSA') return generateKey(spec);
  const made = rsaKeys.get(spec.size);
  if (made !== undefined) return made;
  const key =
    spec.size === 8192
      ? decodePrivateKey(readFileSync(new URL('../fixtures/rsa-8192.test-key.pem', import.meta.url), 'utf8'))
      : await generateKey(spec);
  rsaKeys.set(spec.size, key);
  return key;
}

const rsaKeys = new Map<number, KeyObject>();

export function describeSpec(spec: KeySpec): string {
  return spec.algorithm === 'Ed25519' ? 'Ed25519' : `${spec.algorithm} ${spec.size}`;
}

export const workload: RequestTemplate = {
  subject: {},
  altNames: { ...noAltNames, uris: ['spiffe://cluster.local/ns/web/sa/api'] },
  usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: ['serverAuth', 'clientAuth'] },
};

export function leafTemplate(
  key: KeyObject,
  changes: Partial<CertificateTemplate> = {},
): CertificateTemplate {
  return {
    subject: workload.subject,
    altNames: workload.altNames,
    usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: ['serverAuth', 'clientAuth'] },
    publicKey: publicKeyOf(key),
    isCA: false,
    notBefore: now,
    notAfter: new Date(now.getTime() + hour),
    ...changes,
  };
}

export function authorityTemplate(
  name: string,
  key: KeyObject,
  changes: Partial<CertificateTemplate> = {},
): CertificateTemplate {
  return {
    subject: { commonName: name },
    altNames: noAltNames,
    usages: { keyUsages: ['keyCertSign', 'cRLSign'], extendedKeyUsages: [] },
    publicKey: publicKeyOf(key),
    isCA: true,
    notBefore: new Date(now.getTime() - hour),
    notAfter: new Date(now.getTime() + 1000 * hour),
    ...changes,
  };
}

export async function makeRoot(
  name = 'root',
  changes: Partial<CertificateTemplate> = {},
  spec: KeySpec = p256,
): Promise<Authority> {
  const key = await makeKey(spec);
  return {
    key,
    certificate: parseCertificate(await selfSignCertificate(authorityTemplate(name, key, changes), key)),
  };
}

export async function makeIntermediate(
  issuer: Authority,
  name = 'intermediate',
  changes: Partial<CertificateTemplate> = {},
): Promise<Authority> {
  const key = await makeKey();
  return {
    key,
    certificate: parseCertificate(await signCertificate(authorityTemplate(name, key, changes), issuer)),
  };
}

export async function makeLeaf(
  issuer: Authority,
  changes: Partial<CertificateTemplate> = {},
): Promise<Authority> {
  const key = await makeKey();
  return { key, certificate: parseCertificate(await signCertificate(leafTemplate(key, changes), issuer)) };
}
