import type { Certificate } from '../certificate/certificate.ts';
import { PkiError } from '../errors.ts';
import { decodeNameConstraints } from '../extensions/name-constraints.ts';
import type { Form, Subtree } from '../extensions/name-constraints.ts';
import { encodeIpAddress } from '../names/ip-address.ts';
import { comparableNames } from '../names/subject.ts';

interface Name {
  readonly form: Form;
  readonly text: string;
  /** Of a directoryName. */
  readonly parts: readonly string[];
}

/** What may still be spent on a chain, whose names and constraints multiply. */
export interface ConstraintBudget {
  comparisons: number;
}

/** As Go's crypto/x509 has it: a quarter of a second at most, and far above every real chain. */
export const maxConstraintComparisons = 250_000;

/**
 * Checks the names of certificates below an authority against its NameConstraints (RFC 5280 §4.2.1.10).
 *
 * A constraint, or a name that a constraint could be about, that is not understood refuses the certificate.
 */
export function checkNameConstraints(
  encoded: Buffer,
  below: readonly Certificate[],
  issuer: string,
  budget: ConstraintBudget,
): void {
  const { permitted, excluded } = decodeNameConstraints(encoded);
  for (const certificate of below) {
    for (const name of namesOf(certificate)) {
      const ofForm = (subtree: Subtree): boolean => subtree.form === name.form;
      const [permittedOfForm, excludedOfForm] = [permitted.filter(ofForm), excluded.filter(ofForm)];
      budget.comparisons -= permitted.length + excluded.length;
      if (budget.comparisons < 0)
        throw new PkiError(
          'too-large',
          `${issuer} has more name constraints than are compared with so many names`,
        );
      const shown = `${name.form} ${JSON.stringify(name.text)}`;
      if (permittedOfForm.length > 0 && !permittedOfForm.some((subtree) => matches(name, subtree, false)))
        throw refused(`${shown} is not within what ${issuer} may issue`);
      if (excludedOfForm.some((subtree) => matches(name, subtree, true)))
        throw refused(`${shown} is excluded from what ${issuer} may issue`);
    }
    if (certificate.altNames.otherKinds.length > 0)
      throw refused(
        `names of the kind ${certificate.altNames.otherKinds[0]} are not checked against the constraints of ${issuer}`,
      );
  }
}

function namesOf({ subject, altNames }: Certificate): Name[] {
  const ofForm = (form: Form, texts: readonly string[]): Name[] =>
    texts.map((text) => ({ form, text, parts: [] }));
  const names = [
    ...ofForm('email', altNames.emailAddresses),
    ...ofForm('dns', altNames.dnsNames),
    ...ofForm('uri', altNames.uris),
    ...ofForm('ip', altNames.ipAddresses),
  ];
  if (subject.raw !== undefined && subject.raw.length > 2) {
    const raw = Buffer.from(subject.raw);
    names.push({ form: 'directoryName', text: raw.toString('base64'), parts: comparableNames(raw) });
  }
  return names;
}

function matches(name: Name, subtree: Subtree, asExclusion: boolean): boolean {
  switch (name.form) {
    case 'ip':
      return isIpWithin(name.text, subtree.base);
    case 'directoryName':
      return subtree.parts.every((part, index) => part === name.parts[index]);
    case 'dns':
      return isDnsWithin(name.text.toLowerCase(), subtree.text, asExclusion);
    case 'email':
      return isEmailWithin(name.text, subtree.text);
    case 'uri':
      return isHostWithin(hostOf(name.text), subtree.text);
  }
}

function hostOf(uri: string): string {
  const host = /^[^:/?#]+:\/\/(?:[^/?#@]*@)?([^/?#:[\]]+)(?::\d*)?(?:[/?#]|$)/.exec(uri)?.[1]?.toLowerCase();
  // RFC 5280: a URI without a host name breaks every constraint on URIs.
  if (host === undefined || encodeIpAddress(host) !== undefined)
    throw refused(`uri ${JSON.stringify(uri)} has no host name to check against the name constraints`);
  return host;
}

/** `base` itself and every name below it; a wildcard is excluded when any name that it stands for is. */
function isDnsWithin(name: string, base: string, asExclusion: boolean): boolean {
  if (base === '') return true;
  if (base.startsWith('.')) return name.endsWith(base);
  return name === base || name.endsWith(`.${base}`) || (asExclusion && isUnderWildcard(name, base));
}

/** True when `*.example.com` stands for `base`. */
function isUnderWildcard(name: string, base: string): boolean {
  return name.startsWith('*.') && base.includes('.') && name.slice(1) === base.slice(base.indexOf('.'));
}

/** `.example.com` is every host below it, `example.com` that host only. */
function isHostWithin(host: string, base: string): boolean {
  return base === '' || (base.startsWith('.') ? host.endsWith(base) : host === base);
}

function isEmailWithin(address: string, base: string): boolean {
  const at = address.lastIndexOf('@');
  const host = address.slice(at + 1).toLowerCase();
  const baseAt = base.lastIndexOf('@');
  if (baseAt < 0) return isHostWithin(host, base);
  // Local parts are compared in lower case: strict for exclusions, and nobody gives two people such addresses.
  return address.slice(0, at).toLowerCase() === base.slice(0, baseAt) && host === base.slice(baseAt + 1);
}

/** @param base address and mask, of 4 or 16 octets each */
function isIpWithin(address: string, base: Buffer): boolean {
  const octets = encodeIpAddress(address);
  if (base.length !== 8 && base.length !== 32)
    throw refused('an IP name constraint has neither 8 nor 32 octets');
  const half = base.length / 2;
  if (octets === undefined || octets.length !== half) return false;
  return octets.every((octet, index) => {
    const mask = base[half + index] ?? 0;
    return (octet & mask) === ((base[index] ?? 0) & mask);
  });
}

function refused(message: string): PkiError {
  return new PkiError('not-an-authority', message);
}
