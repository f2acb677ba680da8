import type { Certificate } from '../certificate/certificate.ts';
import { PkiError } from '../errors.ts';
import { isEmptySubject } from '../names/subject.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe-id.ts';

/**
 * Checks a leaf against the X.509-SVID standard (§2 to §4) and gives the identity that it carries. Its chain is
 * checked apart, by `verifyChain`.
 */
export function checkX509Svid(certificate: Certificate): SpiffeId {
  const [uri, ...others] = certificate.altNames.uris;
  check(
    uri !== undefined && others.length === 0,
    `it has ${certificate.altNames.uris.length} URI names instead of one`,
  );
  const id = parseSpiffeId(uri ?? '');
  check(formatSpiffeId(id) === uri, 'its SPIFFE ID has capitals in its scheme or trust domain');
  check(id.path !== '', 'its SPIFFE ID has no path, so it is that of a trust domain and not of a workload');
  check(!certificate.isCA, 'it is one of an authority');
  checkKeyUsageIsCritical(certificate);
  const { keyUsages = [], extendedKeyUsages = [], otherExtendedKeyUsages = [] } = certificate.usages ?? {};
  check(keyUsages.includes('digitalSignature'), 'digitalSignature is not among its key usages');
  check(!keyUsages.includes('keyCertSign'), 'keyCertSign is among its key usages');
  check(!keyUsages.includes('cRLSign'), 'cRLSign is among its key usages');
  if (extendedKeyUsages.length + otherExtendedKeyUsages.length > 0)
    for (const usage of ['serverAuth', 'clientAuth'] as const)
      check(extendedKeyUsages.includes(usage), `${usage} is not among its extended key usages`);
  if (isEmptySubject(certificate.subject))
    check(certificate.sanCritical, 'its subject is empty, but its subject alternative name is not critical');
  return id;
}

/**
 * Checks a certificate that signs X.509-SVIDs.
 *
 * @returns its SPIFFE ID, that of its trust domain; undefined when it has none, which is allowed
 */
export function checkX509SvidAuthority(certificate: Certificate): SpiffeId | undefined {
  check(certificate.isCA, 'it is not one of an authority');
  checkKeyUsageIsCritical(certificate);
  check(
    certificate.usages?.keyUsages.includes('keyCertSign') ?? false,
    'keyCertSign is not among its key usages',
  );
  const [uri, ...others] = certificate.altNames.uris;
  check(others.length === 0, `it has ${certificate.altNames.uris.length} URI names instead of one`);
  if (uri === undefined) return undefined;
  const id = parseSpiffeId(uri);
  check(id.path === '', 'its SPIFFE ID has a path');
  return id;
}

function checkKeyUsageIsCritical({ keyUsageCritical }: Certificate): void {
  check(keyUsageCritical !== undefined, 'it has no key usage extension');
  check(keyUsageCritical === true, 'its key usage extension is not critical');
}

function check(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new PkiError('invalid-svid', `the certificate is not an X.509-SVID: ${problem}`);
}
