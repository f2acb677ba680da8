import { encodeOid } from '../der/oid.ts';
import { contextConstructed, contextPrimitive } from '../der/tag.ts';
import { encode, sequence } from '../der/writer.ts';
import { checkAbsoluteUri } from '../names/check-name.ts';

const ocsp = encodeOid('1.3.6.1.5.5.7.48.1');
const caIssuers = encodeOid('1.3.6.1.5.5.7.48.2');

/** CRLDistributionPoints (RFC 5280 §4.2.1.13): one point for each URL. */
export function encodeCrlDistributionPoints(urls: readonly string[]): Buffer {
  return sequence(
    ...urls.map((url) =>
      sequence(encode(contextConstructed(0), encode(contextConstructed(0), uriName(url)))),
    ),
  );
}

/** AuthorityInfoAccess (RFC 5280 §4.2.2.1). */
export function encodeAuthorityInfoAccess(
  ocspServers: readonly string[],
  issuingCertificateUrls: readonly string[],
): Buffer {
  return sequence(
    ...ocspServers.map((url) => sequence(ocsp, uriName(url))),
    ...issuingCertificateUrls.map((url) => sequence(caIssuers, uriName(url))),
  );
}

function uriName(url: string): Buffer {
  return encode(contextPrimitive(6), Buffer.from(checkAbsoluteUri(url), 'latin1'));
}
