import type { CertificateRequest } from '../../api/certificate-request.ts';
import { defaultDuration } from '../../api/certificate-request.ts';
import { parseDuration } from '../../api/duration.ts';
import { ApiError } from '../../api/errors.ts';
import { toUsages, usageNamesOf } from '../../api/usages.ts';
import { PkiError } from '../../pki/index.ts';
import type { ParsedRequest, Usages } from '../../pki/index.ts';

/** A request that an issuer may sign as it is. */
export interface CheckedRequest {
  readonly csr: ParsedRequest;
  readonly usages: Usages;
  readonly isCA: boolean;
  /** Milliseconds from notBefore to notAfter, more than 0. */
  readonly duration: number;
}

export type RequestCheck =
  ({ readonly valid: true } & CheckedRequest) | { readonly valid: false; readonly message: string };

/** Of usages without a name: a CSR has room for thousands. */
const mostOthersShown = 5;

/**
 * What can be said of a request without its issuer. A CSR that encodes usages or BasicConstraints must encode
 * those of the spec (approvers read the spec, so the CSR must not say more). What it says that limits a CA is kept.
 */
export function checkRequest(request: CertificateRequest, parse: () => ParsedRequest): RequestCheck {
  const { spec } = request;
  const csr = attempt('spec.request: not a usable certificate signing request', parse);
  if ('problem' in csr) return invalid(csr.problem);

  const isCA = spec.isCA ?? false;
  const usages = attempt('spec.usages', () => toUsages(spec.usages, isCA));
  if ('problem' in usages) return invalid(usages.problem);

  const duration = attempt('spec.duration', () => parseDuration(spec.duration ?? defaultDuration));
  if ('problem' in duration) return invalid(duration.problem);
  if (duration.value <= 0) return invalid(`spec.duration: ${spec.duration ?? ''} must be more than 0`);

  const mismatch = encodedMismatch(csr.value, usages.value, isCA);
  if (mismatch !== undefined) return invalid(`encoded CSR error: ${mismatch}`);
  return { valid: true, csr: csr.value, usages: usages.value, isCA, duration: duration.value };
}

function encodedMismatch(csr: ParsedRequest, expected: Usages, isCA: boolean): string | undefined {
  const { keyUsages = [], extendedKeyUsages = [], otherExtendedKeyUsages = [] } = csr.usages ?? {};
  if (keyUsages.length > 0 && !sameSet(keyUsages, expected.keyUsages)) {
    const [encoded, wanted] = [names({ keyUsages }), names({ keyUsages: expected.keyUsages })];
    return `the KeyUsages ${encoded} do not match the expected KeyUsages ${wanted}`;
  }
  const encodesOthers = otherExtendedKeyUsages.length > 0;
  const encodesSome = extendedKeyUsages.length > 0;
  if (encodesOthers || (encodesSome && !sameSet(extendedKeyUsages, expected.extendedKeyUsages))) {
    const [encoded, wanted] = [
      names({ extendedKeyUsages }, otherExtendedKeyUsages),
      names({ extendedKeyUsages: expected.extendedKeyUsages }),
    ];
    return `the ExtKeyUsages ${encoded} do not match the expected ExtKeyUsages ${wanted}`;
  }
  if (csr.isCA !== undefined && csr.isCA !== isCA) {
    return `the CSR's BasicConstraints say isCA ${csr.isCA}, but spec.isCA is ${isCA}`;
  }
  if (csr.nameConstraints && !isCA) return 'the CSR has NameConstraints, but spec.isCA is false';
  return undefined;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const wanted = new Set(b);
  return new Set(a).size === wanted.size && a.every((one) => wanted.has(one));
}

/** @param others object identifiers of usages that have no name */
function names(usages: Partial<Usages>, others: readonly string[] = []): string {
  const named = usageNamesOf({ keyUsages: [], extendedKeyUsages: [], ...usages });
  const list = [...named, ...others.slice(0, mostOthersShown)];
  return `[${list.map((name) => `'${name}'`).join(', ')}]`;
}

type Attempt<T> = { readonly value: T } | { readonly problem: string };

/** Only what a request's author can mend becomes a message; anything else is a fault of ours and is thrown on. */
function attempt<T>(what: string, read: () => T): Attempt<T> {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof PkiError || error instanceof ApiError) {
      return { problem: `${what}: ${error.message}` };
    }
    throw error;
  }
}

function invalid(message: string): RequestCheck {
  return { valid: false, message };
}
