import { isIPv6 } from 'node:net';
import { PkiError } from '../errors.ts';

/** As SPIFFE has to support it (SPIFFE-ID §2.3); browsers and proxies stop there too. */
const maxUriLength = 2048;

/** A host name of RFC 1123, or one below a wildcard; underscores as names of services have them. */
export function checkDnsName(name: string): string {
  checkAscii('DNS name', name, 'write it in its xn-- form');
  const labels = (name.startsWith('*.') ? name.slice(2) : name).split('.');
  if (
    name.length > 253 ||
    !labels.every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))
  )
    refuse('DNS name', name, 'is not a host name');
  return name;
}

/** Mailbox of RFC 5321 without quoting. */
export function checkEmailAddress(address: string): string {
  checkAscii('email address', address, 'only addresses in ASCII are served');
  const at = address.lastIndexOf('@');
  if (!/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$/.test(address.slice(0, at)) || at < 1)
    refuse('email address', address, 'is not local-part@domain');
  const domain = address.slice(at + 1);
  if (domain.startsWith('*')) refuse('email address', address, 'has a wildcard as its domain');
  checkDnsName(domain);
  return address;
}

/** What parsing changes or leaves out of a URI, so that its text and its parts could mean different names. */
const secondSpellings: readonly (readonly [form: RegExp, problem: string])[] = [
  [/^[^:]*[A-Z][^:]*:/, 'has capitals in its scheme'],
  [/^spiffe:\/\/[^/?#]*[A-Z]/, 'has capitals in its trust domain'],
  [/^[^?#]*\?(?:#|$)/, 'has a query that is empty'],
  [/#$/, 'has a fragment that is empty'],
  [/#.*#/, 'has more than one fragment'],
  [/^[^:]*:\/\/[^/?#]*@/, 'has a user before its host'],
  [/^[^:]*:\/\/[^/?#]*:(?:[/?#]|$)/, 'has a port that is empty'],
  [/^[^:]*:\/\/(?:[?#]|$)/, 'has neither host nor path'],
  [/^[^:]*:\/\/[^/?#]*%/, 'has percent-encoding in its host'],
  [/^[^:]*:(?:[^?#]*\/)?\.{1,2}(?:[/?#]|$)/, 'has a segment "." or ".." in its path'],
  // The unreserved characters of RFC 3986 §2.3, and the slash, which some see in the path then.
  [
    /%(?:2[DEF]|3[0-9]|[46][1-9A-F]|[57][0-9A]|5F|7E)/i,
    'percent-encodes what means something else then, or has no need of it',
  ],
];

/** A URI that is asked for. Rules compare it as text and verifiers by its parts: of two ways to write one, only one is taken. */
export function checkUri(uri: string): string {
  checkAbsoluteUri(uri);
  const second = secondSpellings.find(([form]) => form.test(uri));
  if (second !== undefined) refuse('URI', uri, second[1]);
  const authority = /^[^:]*:\/\/([^/?#]+)/.exec(uri)?.[1];
  // Go fails to read the whole certificate for one such URI.
  if (authority !== undefined && !isHostAndPort(authority))
    refuse('URI', uri, 'has a host or a port that many programs do not read');
  return uri;
}

function isHostAndPort(authority: string): boolean {
  const literal = /^\[(.*)\](?::\d+)?$/.exec(authority)?.[1];
  if (literal !== undefined) return isIPv6(literal);
  return /^[^[\]:.]+(?:\.[^[\]:.]+)*(?::\d+)?$/.test(authority);
}

/** An absolute URI (RFC 3986; RFC 5280 §4.2.1.6 allows no relative ones). */
export function checkAbsoluteUri(uri: string): string {
  checkAscii('URI', uri, 'percent-encode what is not');
  if (uri.length > maxUriLength) refuse('URI', uri, `is longer than ${maxUriLength} characters`);
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/.test(uri))
    refuse('URI', uri, 'is not an absolute URI');
  return uri;
}

function checkAscii(what: string, name: string, advice: string): void {
  if (!/^[\x21-\x7e]*$/.test(name))
    refuse(what, name, `has characters outside of printable ASCII: ${advice}`);
}

function refuse(what: string, name: string, problem: string): never {
  const shown = name.length > 300 ? `${name.slice(0, 300)}…` : name;
  throw new PkiError('invalid-name', `${what} ${JSON.stringify(shown)} ${problem}`);
}
