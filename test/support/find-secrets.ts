import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Where a secret was found. It never has the secret itself. */
export interface SecretFound {
  /** Below the folder that was searched. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

/** Looks of secrets that nobody told of. */
const looks: readonly (readonly [what: string, look: RegExp])[] = [
  ['a private key in PEM', /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/],
  // "PRIVATE KEY-----" at each of the three places that base64 can have it in, as in a Secret's data.
  ['a private key in PEM, as base64', /UFJJVkFURSBLRVkt|BSSVZBVEUgS0VZL|QUklWQVRFIEtFWS/],
  // PKCS#8 of EC P-256, P-384, P-521, of RSA and of Ed25519, up to the OCTET STRING with the key.
  [
    'a private key in DER, as base64',
    /MIGHAgEAMBMGByqGSM49|MIG2AgEAMBAGByqGSM49|MIHuAgEAMBAGByqGSM49|MII[A-Za-z0-9+/]{3}IBADANBgkqhkiG9w0BAQEFAAS|MC4CAQAwBQYDK2VwBCIE/,
  ],
  // SEC 1 and PKCS#1.
  [
    'a private key in DER, as base64',
    /MHcCAQEEI[A-Za-z0-9+/]{43}|MIGkAgEBBD[A-Za-z0-9+/]{60}|MII[A-Za-z0-9+/]{3}IBAAKCA[QgY]EA/,
  ],
  // A token of a service account: header, claims, signature.
  ['a JSON web token', /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/],
  // Some code put it into a message; that the log knew it by its look was luck.
  ['a secret that the log took out at the last moment', /\[redacted (?:private key|token)\]/],
];

/** Shorter ones are found in innocent texts. */
const shortest = 8;

/**
 * Searches every file below a folder for secrets: those known, in the spellings that programs give them, and whatever looks
 * like a private key or a token.
 *
 * @param knownSecrets tokens and passwords as they are; keys in PEM
 */
export function findSecrets(folder: string, knownSecrets: readonly string[]): SecretFound[] {
  const known = spellingsOfAll(knownSecrets);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .flatMap((file) =>
      findInText(readFileSync(file, 'latin1'), known).map((found) => ({
        file: relative(folder, file),
        ...found,
      })),
    );
}

function findInText(text: string, known: ReadonlyMap<string, string[]>): Omit<SecretFound, 'file'>[] {
  return text.split('\n').flatMap((content, index) => {
    const whats = looks.filter(([, look]) => look.test(content)).map(([what]) => what);
    if (holdsAny(content, known)) whats.push('a secret of this run');
    return [...new Set(whats)].map((what) => ({ line: index + 1, what }));
  });
}

/** By the first characters of each spelling, so that thousands of secrets cost no more than one. */
function holdsAny(content: string, known: ReadonlyMap<string, string[]>): boolean {
  if (known.size === 0) return false;
  for (let at = 0; at + shortest <= content.length; at++) {
    const spellings = known.get(content.slice(at, at + shortest));
    if (spellings?.some((spelling) => content.startsWith(spelling, at))) return true;
  }
  return false;
}

function spellingsOfAll(secrets: readonly string[]): ReadonlyMap<string, string[]> {
  const byBeginning = new Map<string, string[]>();
  for (const spelling of new Set(secrets.flatMap(spellingsOf))) {
    if (spelling.length < shortest)
      throw new RangeError(`a secret of ${spelling.length} characters is too short to be searched for`);
    const beginning = spelling.slice(0, shortest);
    byBeginning.set(beginning, [...(byBeginning.get(beginning) ?? []), spelling]);
  }
  return byBeginning;
}

function spellingsOf(secret: string): string[] {
  if (!secret.includes('PRIVATE KEY-----')) {
    return [secret, JSON.stringify(secret).slice(1, -1), ...encodings(Buffer.from(secret))];
  }
  const { d = '' } = createPrivateKey(secret).export({ format: 'jwk' });
  const octets = Buffer.from(d, 'base64url');
  // The rest of a key's DER is public. Two pieces, because a line end may go through one of them.
  return [octets.subarray(0, 16), octets.subarray(16, 32)].flatMap((piece) => [
    piece.toString('latin1'),
    ...encodings(piece),
  ]);
}

/** In hex, and in base64 at each of the three places that it can have within a longer text. */
function encodings(octets: Buffer): string[] {
  const base64 = [0, 1, 2].map((before) => {
    const characters = Buffer.concat([Buffer.alloc(before), octets])
      .toString('base64')
      .replace(/=+$/, '');
    const whole = Math.floor(((before + octets.length) * 8) / 6);
    return characters.slice(Math.ceil((before * 8) / 6), whole);
  });
  const url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  return [octets.toString('hex'), ...base64, ...url];
}
