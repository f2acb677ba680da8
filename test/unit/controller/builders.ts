import type { KeyObject } from 'node:crypto';
import type { CertificateRequest } from '../../../src/api/certificate-request.ts';
import type { Condition } from '../../../src/api/condition.ts';
import type { Secret } from '../../../src/api/core.ts';
import type { Issuer, IssuerSpec } from '../../../src/api/issuer.ts';
import {
  createRequest,
  encodePrivateKey,
  generateKey,
  noAltNames,
  parseCertificate,
  publicKeyOf,
  selfSignCertificate,
  signCertificate,
} from '../../../src/pki/index.ts';
import type { Certificate, CertificateTemplate, RequestTemplate } from '../../../src/pki/index.ts';

/** The fake clock's start. */
export const now = Date.UTC(2026, 0, 1);
const day = 24 * 60 * 60 * 1000;

export const driver = 'system:serviceaccount:certmount:certmount-driver';

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

export function fromBase64(text: string | undefined): string {
  return Buffer.from(text ?? '', 'base64').toString();
}

export function newKey(): Promise<KeyObject> {
  return generateKey({ algorithm: 'ECDSA', size: 256 });
}

/** A CSR for `spiffe://cluster.local/ns/web/sa/app`. */
export async function newCsr(
  options: Partial<RequestTemplate> & { readonly key?: KeyObject } = {},
): Promise<string> {
  const { key = await newKey(), ...template } = options;
  return createRequest(
    { subject: {}, altNames: { ...noAltNames, uris: ['spiffe://cluster.local/ns/web/sa/app'] }, ...template },
    key,
  );
}

type RequestOptions = Partial<CertificateRequest['spec']> & {
  readonly metadata?: CertificateRequest['metadata'];
  readonly conditions?: readonly Condition[];
  readonly status?: CertificateRequest['status'];
};

/** The driver's request `web/request` to the Issuer `ca`. */
export function newRequest(options: RequestOptions = {}): CertificateRequest {
  const { metadata, conditions, status, ...spec } = options;
  const full = conditions ? { ...status, conditions: [...conditions] } : status;
  return {
    metadata: {
      name: 'request',
      namespace: 'web',
      uid: 'uid-1',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: { request: '', issuerRef: { name: 'ca' }, username: driver, ...spec },
    ...(full && { status: full }),
  };
}

export function condition(
  type: string,
  status: Condition['status'],
  reason: string,
  message = '',
): Condition {
  return { type, status, reason, message, lastTransitionTime: '2025-12-31T00:00:00Z' };
}

/** The Issuer `web/ca`. */
export function newIssuer(
  spec: IssuerSpec = { ca: { secretName: 'ca' } },
  options: Partial<Issuer> = {},
): Issuer {
  return {
    metadata: { name: 'ca', namespace: 'web', uid: 'issuer-1', generation: 1, resourceVersion: '1' },
    spec,
    ...options,
  };
}

export interface TestCa {
  readonly certificate: Certificate;
  readonly key: KeyObject;
  readonly pem: string;
}

/** A root that is valid for ten years, or what `options` say; signed by `parent` when there is one. */
export async function newCa(
  options: Partial<CertificateTemplate> & { readonly parent?: TestCa; readonly key?: KeyObject } = {},
): Promise<TestCa> {
  const { key = await newKey(), parent, ...overrides } = options;
  const template: CertificateTemplate = {
    subject: { commonName: parent ? 'Intermediate' : 'Root' },
    altNames: noAltNames,
    publicKey: publicKeyOf(key),
    usages: { keyUsages: ['keyCertSign', 'cRLSign'], extendedKeyUsages: [] },
    isCA: true,
    notBefore: new Date(now - day),
    notAfter: new Date(now + 3650 * day),
    ...overrides,
  };
  const pem = parent ? await signCertificate(template, parent) : await selfSignCertificate(template, key);
  return { certificate: parseCertificate(pem), key, pem };
}

/** The Secret `web/ca` of a signing CA. */
export function caSecret(
  ca: TestCa,
  options: { chain?: readonly TestCa[]; caCrt?: string; key?: KeyObject } = {},
): Secret {
  const chain = [ca, ...(options.chain ?? [])].map(({ pem }) => pem).join('');
  return {
    metadata: { name: 'ca', namespace: 'web', uid: 'secret-1', resourceVersion: '1' },
    data: {
      'tls.crt': base64(chain),
      'tls.key': base64(encodePrivateKey(options.key ?? ca.key, 'PKCS8')),
      ...(options.caCrt !== undefined && { 'ca.crt': base64(options.caCrt) }),
    },
  };
}
