import { checkDnsName, checkUri, encodeIpAddress, parseSpiffeId } from '../../../pki/index.ts';
import type { AttributeReader } from './attribute-reader.ts';
import type { AttributeName } from './known-attributes.ts';

/** RFC 5280 appendix A, ub-common-name. */
const longestCommonName = 64;

export function readCommonName(reader: AttributeReader): string | undefined {
  const name = reader.expanded('common-name');
  if (name === undefined) return undefined;
  if (Buffer.byteLength(name) > longestCommonName) {
    throw reader.refuse(
      'common-name',
      `${JSON.stringify(name)} is longer than ${longestCommonName} bytes: use dns-names`,
    );
  }
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(name) || !name.isWellFormed())
    throw reader.refuse('common-name', 'must not contain control characters');
  return name;
}

export function readDnsNames(reader: AttributeReader): readonly string[] {
  const names = reader.list('dns-names');
  for (const name of names) check(reader, 'dns-names', () => checkDnsName(name));
  return names;
}

export function readIpAddresses(reader: AttributeReader): readonly string[] {
  const addresses = reader.list('ip-sans');
  for (const address of addresses) {
    if (encodeIpAddress(address) === undefined)
      throw reader.refuse('ip-sans', `${JSON.stringify(address)} is not an IP address`);
  }
  return addresses;
}

/** URIs as given; one with the SPIFFE scheme must be a valid SPIFFE ID and the only one (X509-SVID §2). */
export function readUris(reader: AttributeReader, isCA: boolean): readonly string[] {
  const uris = reader.list('uri-sans');
  for (const uri of uris) {
    check(reader, 'uri-sans', () => checkUri(uri));
    if (!/^spiffe:/i.test(uri)) continue;
    const { path } = check(reader, 'uri-sans', () => parseSpiffeId(uri));
    // X509-SVID §4.1: without a path it names the trust domain, which only an authority may be.
    if (path === '' && !isCA)
      throw reader.refuse('uri-sans', `the SPIFFE ID ${JSON.stringify(uri)} has no path`);
    if (uris.length > 1) throw reader.refuse('uri-sans', 'a SPIFFE ID must be the only URI');
  }
  return uris;
}

/** What the certificate could not carry is refused here, before anything is done. */
function check<T>(reader: AttributeReader, attribute: AttributeName, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw reader.refuse(attribute, (error as Error).message);
  }
}
