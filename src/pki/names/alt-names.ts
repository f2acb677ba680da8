import { decodeIa5 } from '../der/text.ts';
import { DerReader } from '../der/reader.ts';
import { contextConstructed, contextPrimitive } from '../der/tag.ts';
import { encode, sequence } from '../der/writer.ts';
import { PkiError } from '../errors.ts';
import { checkAbsoluteUri, checkDnsName, checkEmailAddress, checkUri } from './check-name.ts';
import { decodeIpAddress, encodeIpAddress } from './ip-address.ts';

/** Subject alternative names. IP addresses are texts: dotted, or any form of RFC 4291 going in and RFC 5952 coming out. */
export interface AltNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly emailAddresses: readonly string[];
}

export interface DecodedAltNames extends AltNames {
  /** Names of the kinds that are not decoded, such as "otherName". */
  readonly otherKinds: readonly string[];
}

export const noAltNames: DecodedAltNames = {
  dnsNames: [],
  ipAddresses: [],
  uris: [],
  emailAddresses: [],
  otherKinds: [],
};

/** GeneralName (RFC 5280 §4.2.1.6) by its context tag. */
const kind = {
  email: contextPrimitive(1),
  dns: contextPrimitive(2),
  uri: contextPrimitive(6),
  ip: contextPrimitive(7),
};
const otherKinds = new Map<number, string>([
  [contextConstructed(0), 'otherName'],
  [contextConstructed(3), 'x400Address'],
  [contextConstructed(4), 'directoryName'],
  [contextConstructed(5), 'ediPartyName'],
  [contextPrimitive(8), 'registeredID'],
]);

export function isEmptyAltNames(names: AltNames): boolean {
  return (
    names.dnsNames.length + names.ipAddresses.length + names.uris.length + names.emailAddresses.length === 0
  );
}

/** Encodes GeneralNames. Every name is checked: what is encoded is ASCII and means the same to every reader. */
export function encodeAltNames(names: AltNames): Buffer {
  const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
  return sequence(
    ...names.dnsNames.map((name) => encode(kind.dns, ascii(checkDnsName(name)))),
    ...names.emailAddresses.map((address) => encode(kind.email, ascii(checkEmailAddress(address)))),
    ...names.ipAddresses.map((address) => encode(kind.ip, encodeOrRefuse(address))),
    ...names.uris.map((uri) => encode(kind.uri, ascii(checkAbsoluteUri(uri)))),
  );
}

/** Decodes GeneralNames; one that cannot be decoded makes all of them an error. */
export function decodeAltNames(value: Buffer): DecodedAltNames {
  const document = new DerReader(value, 'the subject alternative name');
  const names = document.enter();
  document.end();
  const decoded = { dnsNames: [], ipAddresses: [], uris: [], emailAddresses: [], otherKinds: [] } as {
    [list in keyof DecodedAltNames]: string[];
  };
  if (names.atEnd) throw names.malformed('it is empty');
  while (!names.atEnd) {
    const { tag, content } = names.any();
    const text = (): string => {
      const decodedText = decodeIa5(content);
      if (decodedText === undefined || decodedText === '')
        throw names.malformed('a name is empty or not ASCII');
      return decodedText;
    };
    if (tag === kind.dns) decoded.dnsNames.push(text());
    else if (tag === kind.email) decoded.emailAddresses.push(text());
    else if (tag === kind.uri) decoded.uris.push(text());
    else if (tag === kind.ip) {
      const address = decodeIpAddress(content);
      if (address === undefined) throw names.malformed('an IP address has neither 4 nor 16 octets');
      decoded.ipAddresses.push(address);
    } else {
      const other = otherKinds.get(tag);
      if (other === undefined) throw names.malformed('there is a name of no known kind');
      decoded.otherKinds.push(other);
    }
  }
  return decoded;
}

/** Checks the names of a stranger's request as strictly as our own. */
export function checkAltNames(names: AltNames): void {
  names.dnsNames.forEach(checkDnsName);
  names.emailAddresses.forEach(checkEmailAddress);
  names.uris.forEach(checkUri);
}

/** True when both have the same names, in any order; DNS names in any case, IP addresses in any form. */
export function sameAltNames(a: AltNames, b: AltNames): boolean {
  const set = (names: AltNames): string =>
    JSON.stringify(
      [
        names.dnsNames.map((name) => name.toLowerCase()),
        names.ipAddresses.map((text) => encodeIpAddress(text)?.toString('hex') ?? text),
        names.uris,
        names.emailAddresses,
      ].map((list) => [...new Set(list)].sort()),
    );
  return set(a) === set(b);
}

function encodeOrRefuse(address: string): Buffer {
  const octets = encodeIpAddress(address);
  if (octets === undefined)
    throw new PkiError('invalid-name', `${JSON.stringify(address)} is not an IP address`);
  return octets;
}
