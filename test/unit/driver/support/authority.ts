import type { KeyObject } from 'node:crypto';
import type {
  CertificateRequest,
  CertificateRequestStatus,
} from '../../../../src/api/certificate-request.ts';
import type { Condition } from '../../../../src/api/condition.ts';
import { parseDuration } from '../../../../src/api/duration.ts';
import { toUsages } from '../../../../src/api/usages.ts';
import type { VolumeSpec } from '../../../../src/driver/volume/volume-spec.ts';
import {
  type Certificate,
  type CertificateTemplate,
  generateKey,
  noAltNames,
  parseCertificate,
  parseRequest,
  publicKeyOf,
  selfSignCertificate,
  signCertificate,
} from '../../../../src/pki/index.ts';
import { day } from './builders.ts';

/** As issuers have it that date back and add that to the lifetime. */
function validityFrom(now: number, lifetime: number): Pick<CertificateTemplate, 'notBefore' | 'notAfter'> {
  return { notBefore: new Date(now - 60_000), notAfter: new Date(now + lifetime) };
}

/** A CA that signs what it is asked for, or with changes that a driver should notice. */
export class Authority {
  readonly certificate: Certificate;
  readonly key: KeyObject;

  private constructor(certificate: Certificate, key: KeyObject) {
    this.certificate = certificate;
    this.key = key;
  }

  static async create(now: number, name = 'test ca', lifetimeMs = 365 * day): Promise<Authority> {
    const key = await newKey();
    const pem = await selfSignCertificate(
      {
        subject: { commonName: name },
        altNames: noAltNames,
        usages: { keyUsages: ['keyCertSign', 'cRLSign'], extendedKeyUsages: [] },
        publicKey: publicKeyOf(key),
        isCA: true,
        notBefore: new Date(now - day),
        notAfter: new Date(now + lifetimeMs),
      },
      key,
    );
    return new Authority(parseCertificate(pem), key);
  }

  /** A certificate for the volume's key, PEM. */
  issue(
    spec: VolumeSpec,
    key: KeyObject,
    now: number,
    changes: Partial<CertificateTemplate> = {},
  ): Promise<string> {
    const { subject, dnsNames, duration, ipAddresses, isCA, uris, usages } = spec.certificate;
    const template: CertificateTemplate = {
      subject,
      altNames: { dnsNames, ipAddresses, uris, emailAddresses: [] },
      usages: toUsages(usages, isCA),
      publicKey: publicKeyOf(key),
      isCA,
      ...validityFrom(now, duration),
      ...changes,
    };
    return signCertificate(template, this);
  }

  /** The status of a request that is approved and issued. */
  async sign(
    request: CertificateRequest,
    now: number,
    changes: Partial<CertificateTemplate> = {},
  ): Promise<CertificateRequestStatus> {
    const { altNames, publicKey, subject } = parseRequest(
      Buffer.from(request.spec.request, 'base64').toString(),
    );
    const isCA = request.spec.isCA ?? false;
    const pem = await signCertificate(
      {
        subject,
        altNames,
        publicKey,
        isCA,
        usages: toUsages(request.spec.usages, isCA),
        ...validityFrom(now, parseDuration(request.spec.duration ?? '24h')),
        ...changes,
      },
      this,
    );
    return issuedStatus(pem, this.certificate.pem);
  }
}

export function newKey(): Promise<KeyObject> {
  return generateKey({ algorithm: 'ECDSA', size: 256 });
}

export function issuedStatus(certificate: string, ca: string): CertificateRequestStatus {
  return {
    conditions: [condition('Approved', 'True', 'cert-manager.io'), condition('Ready', 'True', 'Issued')],
    certificate: Buffer.from(certificate).toString('base64'),
    ca: Buffer.from(ca).toString('base64'),
  };
}

export function deniedStatus(message: string): CertificateRequestStatus {
  return {
    conditions: [
      condition('Denied', 'True', 'Policy', message),
      condition('Ready', 'False', 'Denied', 'denied'),
    ],
    failureTime: '2026-01-01T00:00:00Z',
  };
}

export function failedStatus(message: string): CertificateRequestStatus {
  return {
    conditions: [condition('Approved', 'True', 'ok'), condition('Ready', 'False', 'Failed', message)],
    failureTime: '2026-01-01T00:00:00Z',
  };
}

export function condition(type: string, status: 'True' | 'False', reason: string, message = ''): Condition {
  return { type, status, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' };
}
