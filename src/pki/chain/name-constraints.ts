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
  const constraints = decodeNameConstraints(encoded);
  const permitted = Map.groupBy(constraints.permitted, ({ form }) => form);
  const excluded = Map.groupBy(constraints.excluded, ({ form }) => form);
  for (const certificate of below) {
    for (const name of namesOf(certificate)) {
      budget.comparisons -= constraints.permitted.length + constraints.excluded.length;
      if (budget.comparisons < 0)
        throw new PkiError(
          'too-large',
          `${issuer} has more name constraints than are compared with so many names`,
        );
      const [within, without] = [permitted.get(name.form) ?? [], excluded.get(name.form) ?? []];
      if (within.length + without.length === 0) continue;
      const matches = matcherOf(name);
      const shown = `${name.form} ${JSON.stringify(name.text)}`;
      if (within.length > 0 && !within.some((subtree) => matches(subtree, false)))
        throw refused(`${shown} is not within what ${issuer} may issue`);
      if (without.some((subtree) => matches(subtree, true)))
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

type Matcher = (subtree: Subtree, asExclusion: boolean) => boolean;

/** What is made of a name is made once, however many constraints it is compared with. */
function matcherOf(name: Name): Matcher {
  switch (name.form) {
    case 'ip': {
      const octets = encodeIpAddress(name.text);
      return ({ base }) => isIpWithin(octets, base);
    }
    case 'directoryName':
      return ({ parts }) => parts.every((part, index) => part === name.parts[index]);
    case 'dns': {
      const dnsName = comparable(name.form, name.text);
      return ({ text }, asExclusion) => isDnsWithin(dnsName, text, asExclusion);
    }
    case 'email': {
      // Local parts are compared in lower case: strict for exclusions, and nobody gives two people such addresses.
      const address = comparable(name.form, name.text);
      const host = address.slice(address.lastIndexOf('@') + 1);
      return ({ text }) => (text.includes('@') ? address === text : isHostWithin(host, text));
    }
    case 'uri': {
      const host = hostOf(comparable(name.form, name.text));
      return ({ text }) => isHostWithin(host, text);
    }
  }
}

/** In characters, as RFC 1035, RFC 5321 and SPIFFE have it: what is longer costs too much to compare so often. */
const longestName = { dns: 253, email: 320, uri: 2048 } as const;

function comparable(form: keyof typeof longestName, text: string): string {
  if (text.length > longestName[form])
    throw new PkiError(
      'too-large',
      `a name of the form ${form} has ${text.length} characters; at most ${longestName[form]} are compared with name constraints`,
    );
  return text.toLowerCase();
}

function hostOf(uri: string): string {
  const host = /^[^:/?#]+:\/\/(?:[^/?#@]*@)?([^/?#:[\]]+)(?::\d*)?(?:[/?#]|$)/.exec(uri)?.[1];
  // RFC 5280: a URI without a host name breaks every constraint on URIs.
  if (host === undefined || encodeIpAddress(host) !== undefined)
    throw refused(`uri ${JSON.stringify(uri)} has no host name to check against the name constraints`);
  return host;
}

/** `base` itself and every name below it; a wildcard is excluded when any name that it stands for is. */
function isDnsWithin(name: string, base: string, asExclusion: boolean): boolean {
  if (base === '' || name === base) return true;
  if (asExclusion && isUnderWildcard(name, base)) return true;
  return name.endsWith(base) && (base.startsWith('.') || name.at(-base.length - 1) === '.');
}

/** True when `*.example.com` stands for `base`. */
function isUnderWildcard(name: string, base: string): boolean {
  return (
    name.startsWith('*.') &&
    base.endsWith(name.slice(1)) &&
    base.indexOf('.') === base.length - name.length + 1
  );
}

/** `.example.com` is every host below it, `example.com` that host only. */
function isHostWithin(host: string, base: string): boolean {
  return base === '' || (base.startsWith('.') ? host.endsWith(base) : host === base);
}

/** @param base address and mask, of 4 or 16 octets each */
function isIpWithin(octets: Buffer | undefined, base: Buffer): boolean {
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
