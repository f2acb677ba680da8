import {
  checkDnsName,
  checkEmailAddress,
  checkUri,
  encodeIpAddress,
  parseSpiffeId,
} from '../../../../pki/index.ts';
import type { AttributeReader } from '../attribute-reader.ts';

/** Subject alternative names. What the certificate could not carry is refused here, before anything is done. */
export function readDnsNames(reader: AttributeReader): readonly string[] {
  const names = reader.list('dns-names');
  for (const name of names) reader.checked('dns-names', () => checkDnsName(name));
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

export function readEmailAddresses(reader: AttributeReader): readonly string[] {
  const addresses = reader.list('email-sans');
  for (const address of addresses) reader.checked('email-sans', () => checkEmailAddress(address));
  return addresses;
}

/** URIs as given; one with the SPIFFE scheme must be a valid SPIFFE ID and the only one (X509-SVID §2). */
export function readUris(reader: AttributeReader, isCA: boolean): readonly string[] {
  const uris = reader.list('uri-sans');
  for (const uri of uris) {
    reader.checked('uri-sans', () => checkUri(uri));
    if (!isSpiffeUri(uri)) continue;
    const { path } = reader.checked('uri-sans', () => parseSpiffeId(uri));
    // X509-SVID §4.1: without a path it names the trust domain, which only an authority may be.
    if (path === '' && !isCA)
      throw reader.refuse('uri-sans', `the SPIFFE ID ${JSON.stringify(uri)} has no path`);
    if (uris.length > 1) throw reader.refuse('uri-sans', 'a SPIFFE ID must be the only URI');
  }
  return uris;
}

/** The scheme is case-insensitive (SPIFFE-ID §2.1). */
export function isSpiffeUri(uri: string): boolean {
  return /^spiffe:/i.test(uri);
}
