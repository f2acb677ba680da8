import type { KeyObject } from 'node:crypto';
import { toUsages } from '../../../api/usages.ts';
import {
  type Certificate,
  decodeIpAddress,
  encodeIpAddress,
  orderChain,
  parseChain,
  publicKeyOf,
  samePublicKey,
  type Usages,
  verifyChain,
} from '../../../pki/index.ts';
import type { IssuedMaterial } from '../files/render-generation.ts';
import { VolumeError } from '../volume-error.ts';
import type { VolumeSpec } from '../volume-spec.ts';

/** Clocks of issuer and node may differ by so much, milliseconds. */
const clockSkew = 5 * 60_000;

/**
 * Takes what an issuer returned only if it is what was asked for: public key, names, usages, lifetime and chain.
 *
 * @param certificates PEM, leaf and intermediates
 * @param ca PEM of the anchors that the issuer names; may be empty, as with ACME
 * @param known anchors of the issuer beside them, or in their place where it names none; one of them is as good: its CA may be
 *   changing
 * @param readAnchors of `ca`; an AnchorCache's where there are many volumes
 * @throws {VolumeError} `issued-wrong`, saying what differs
 */
export function verifyIssued(
  spec: VolumeSpec,
  key: KeyObject,
  certificates: string,
  ca: string,
  now: Date,
  readAnchors: (pem: string) => readonly Certificate[] = parseChain,
  known: readonly Certificate[] = [],
): IssuedMaterial {
  const chain = read(() => orderChain(parseChain(certificates)));
  const anchors = ca.trim() === '' ? [] : read(() => readAnchors(ca));
  const leaf = chain[0];
  if (leaf === undefined) throw wrong('has no certificate in it');
  if (!samePublicKey(leaf.publicKey, publicKeyOf(key))) throw wrong('is for another public key');
  checkNames(spec, leaf);
  checkUsages(spec, leaf);
  checkLifetime(spec, leaf, now);
  const trusted = [...anchors, ...known];
  const { extendedKeyUsages } = askedUsages(spec);
  const at = withinValidity(leaf, now);
  if (trusted.length > 0) read(() => verifyChain(chain, trusted, at, extendedKeyUsages));
  return { chain: [leaf, ...chain.slice(1)], anchors };
}

function checkNames(spec: VolumeSpec, leaf: Certificate): void {
  const { dnsNames, emailAddresses, ipAddresses, subject, uris } = spec.certificate;
  const { commonName } = subject;
  if (commonName !== undefined && leaf.subject.commonName !== commonName) {
    throw wrong(
      `has the common name ${JSON.stringify(leaf.subject.commonName ?? '')}, not ${JSON.stringify(commonName)}`,
    );
  }
  // Public CAs repeat the common name among the DNS names.
  const tolerated = commonName === undefined ? [] : [commonName];
  compareNames(
    'DNS names',
    dnsNames.map(lowerCase),
    leaf.altNames.dnsNames.map(lowerCase),
    tolerated.map(lowerCase),
  );
  compareNames(
    'IP addresses',
    ipAddresses.map(canonicalAddress),
    leaf.altNames.ipAddresses.map(canonicalAddress),
    [],
  );
  compareNames('URIs', uris, leaf.altNames.uris, []);
  compareNames('email addresses', emailAddresses, leaf.altNames.emailAddresses, []);
  compareNames('subject alternative names of another kind', [], leaf.altNames.otherKinds, []);
  const [otherKind] = leaf.altNames.otherKinds;
  if (otherKind !== undefined) throw wrong(`has a name of the kind ${otherKind}, which was not asked for`);
  checkCommonName(leaf, commonName);
}

/** Of one that was not asked for only a copy of another name is taken: some issuers cannot do without. */
function checkCommonName({ altNames, subject }: Certificate, asked: string | undefined): void {
  const issued = subject.commonName;
  if (issued === undefined || issued === asked) return;
  if ([altNames.dnsNames, altNames.ipAddresses, altNames.uris].some((names) => names.includes(issued)))
    return;
  throw wrong(`has the common name ${JSON.stringify(issued)}, which was not asked for`);
}

function compareNames(
  what: string,
  asked: readonly string[],
  issued: readonly string[],
  tolerated: readonly string[],
): void {
  const allowed = new Set([...asked, ...tolerated]);
  const found = new Set(issued);
  const missing = asked.filter((name) => !found.has(name));
  const extra = issued.filter((name) => !allowed.has(name));
  if (missing.length > 0) throw wrong(`lacks the ${what} ${missing.join(', ')}`);
  if (extra.length > 0) throw wrong(`has the ${what} ${extra.join(', ')}, which were not asked for`);
}

function checkUsages(spec: VolumeSpec, leaf: Certificate): void {
  const { isCA } = spec.certificate;
  if (leaf.isCA !== isCA) throw wrong(isCA ? 'is not for a CA' : 'is for a CA, which was not asked for');
  const asked = askedUsages(spec);
  const issued: Usages = leaf.usages ?? { keyUsages: [], extendedKeyUsages: [] };
  const missing = [
    ...asked.keyUsages.filter((usage) => !issued.keyUsages.includes(usage)),
    ...asked.extendedKeyUsages.filter((usage) => !issued.extendedKeyUsages.includes(usage)),
  ];
  if (missing.length > 0) throw wrong(`lacks the usages ${missing.join(', ')}`);
  const signing = issued.keyUsages.find(
    (usage) => usage === 'keyCertSign' && !asked.keyUsages.includes(usage),
  );
  if (signing !== undefined) throw wrong('may sign certificates, which was not asked for');
}

function askedUsages({ certificate: { isCA, usages } }: VolumeSpec): Usages {
  return toUsages(usages, isCA);
}

function checkLifetime(spec: VolumeSpec, leaf: Certificate, now: Date): void {
  if (leaf.notAfter.getTime() <= now.getTime()) throw wrong(`expired at ${leaf.notAfter.toISOString()}`);
  if (leaf.notBefore.getTime() > now.getTime() + clockSkew) {
    throw wrong(`is not valid before ${leaf.notBefore.toISOString()}`);
  }
  if (leaf.notAfter.getTime() > now.getTime() + spec.certificate.duration + clockSkew) {
    throw wrong(`lives until ${leaf.notAfter.toISOString()}, longer than the duration that was asked for`);
  }
}

/** A certificate of an issuer whose clock is slightly ahead is accepted, and so is its chain at that time. */
function withinValidity(leaf: Certificate, now: Date): Date {
  return leaf.notBefore > now ? leaf.notBefore : now;
}

function read<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw wrong(`cannot be used: ${(error as Error).message}`, error);
  }
}

function wrong(what: string, cause?: unknown): VolumeError {
  return new VolumeError('issued-wrong', `the certificate that the issuer returned ${what}`, { cause });
}

function lowerCase(name: string): string {
  return name.toLowerCase();
}

/** One text for each spelling of an address, as a certificate would give it back. */
function canonicalAddress(address: string): string {
  const octets = encodeIpAddress(address);
  return (octets && decodeIpAddress(octets)) ?? address;
}
