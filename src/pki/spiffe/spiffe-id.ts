import { isPkiError, PkiError } from '../errors.ts';
import type { AltNames } from '../names/alt-names.ts';

export interface SpiffeId {
  /** Lower case. */
  readonly trustDomain: string;
  /** Empty for the trust domain itself, otherwise with its leading slash. */
  readonly path: string;
}

/** SPIFFE-ID §2.3: what has to be supported, and what nobody should go beyond. */
const maxLength = 2048;
const maxTrustDomainLength = 255;
const scheme = 'spiffe://';

/** Reads a SPIFFE ID. Scheme and trust domain may be in any case, the path counts as it is (SPIFFE-ID §2). */
export function parseSpiffeId(text: string): SpiffeId {
  if (text.length > maxLength)
    throw invalid(`a SPIFFE ID has at most ${maxLength} characters, not ${text.length}`);
  if (!/^spiffe:\/\//i.test(text))
    throw invalid(`${JSON.stringify(text)} is not a SPIFFE ID: it does not begin with ${scheme}`);
  const slash = text.indexOf('/', scheme.length);
  const authorityEnd = slash < 0 ? text.length : slash;
  // Only ASCII has cases here: toLowerCase would make a "k" of the Kelvin sign.
  const trustDomain = text
    .slice(scheme.length, authorityEnd)
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const id = { trustDomain, path: text.slice(authorityEnd) };
  checkSpiffeId(id);
  return id;
}

/** The SPIFFE ID that a certificate with these names carries, as it is written there: its only URI (X509-SVID §2). */
export function spiffeIdOf({ uris }: Pick<AltNames, 'uris'>): string | undefined {
  const [uri, ...others] = uris;
  if (uri === undefined || others.length > 0) return undefined;
  try {
    parseSpiffeId(uri);
    return uri;
  } catch (error) {
    if (isPkiError(error)) return undefined;
    throw error;
  }
}

/** @throws PkiError when the parts do not make a SPIFFE ID; the trust domain has to be in lower case */
export function formatSpiffeId(id: SpiffeId): string {
  checkSpiffeId(id);
  const text = `${scheme}${id.trustDomain}${id.path}`;
  if (text.length > maxLength)
    throw invalid(`a SPIFFE ID has at most ${maxLength} characters, not ${text.length}`);
  return text;
}

/** @returns the same name, for use in expressions */
export function checkTrustDomain(trustDomain: string): string {
  // No port, user or percent-encoding: none of their characters is in this set.
  if (!/^[a-z0-9._-]+$/.test(trustDomain) || trustDomain.length > maxTrustDomainLength)
    throw invalid(
      `trust domain ${JSON.stringify(trustDomain)} is not 1 to ${maxTrustDomainLength} letters in lower case, digits, dots, dashes and underscores`,
    );
  return trustDomain;
}

function checkSpiffeId({ trustDomain, path }: SpiffeId): void {
  checkTrustDomain(trustDomain);
  if (path === '') return;
  if (!path.startsWith('/'))
    throw invalid(`SPIFFE ID path ${JSON.stringify(path)} does not begin with a slash`);
  for (const segment of path.slice(1).split('/')) {
    if (segment === '')
      throw invalid(`SPIFFE ID path ${JSON.stringify(path)} has an empty segment or ends with a slash`);
    if (segment === '.' || segment === '..')
      throw invalid(`SPIFFE ID path ${JSON.stringify(path)} has the segment "${segment}"`);
    if (!/^[A-Za-z0-9._-]+$/.test(segment))
      throw invalid(
        `SPIFFE ID path ${JSON.stringify(path)} has other characters than letters, digits, dots, dashes and underscores`,
      );
  }
}

function invalid(message: string): PkiError {
  return new PkiError('invalid-spiffe-id', message);
}
