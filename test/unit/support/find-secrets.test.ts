import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { findSecrets } from '../../support/find-secrets.ts';
import { assertLittleCpu } from '../../support/cpu-time.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const password = randomBytes(18).toString('base64url');
const token = [
  `{"alg":"RS256","kid":"x"}`,
  `{"sub":"system:serviceaccount:web:api"}`,
  randomBytes(64).toString(),
]
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'certmount-find-secrets-'));
  mkdirSync(join(folder, 'deep'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function search(text: string, known: readonly string[] = []): string[] {
  writeFileSync(join(folder, 'deep', 'driver.log'), text);
  return findSecrets(folder, known).map(({ file, line, what }) => `${file}:${line}: ${what}`);
}

const pem = (key: KeyObject, type: 'pkcs8' | 'sec1' | 'pkcs1' = 'pkcs8'): string =>
  key.export({ type, format: 'pem' }).toString();
const der = (key: KeyObject, type: 'pkcs8' | 'sec1' | 'pkcs1' = 'pkcs8'): Buffer =>
  key.export({ type, format: 'der' });

const keys: Record<string, string> = {
  'EC PKCS#8': pem(ec.privateKey),
  'EC SEC 1': pem(ec.privateKey, 'sec1'),
  'RSA PKCS#8': pem(rsa.privateKey),
  'RSA PKCS#1': pem(rsa.privateKey, 'pkcs1'),
  Ed25519: pem(ed25519.privateKey),
};
const derOf: Record<string, Buffer> = {
  'EC PKCS#8': der(ec.privateKey),
  'EC SEC 1': der(ec.privateKey, 'sec1'),
  'RSA PKCS#8': der(rsa.privateKey),
  'RSA PKCS#1': der(rsa.privateKey, 'pkcs1'),
  Ed25519: der(ed25519.privateKey),
};

describe('the search for secrets', () => {
  for (const [kind, text] of Object.entries(keys)) {
    it(`finds a key that nobody told of: ${kind}`, () => {
      const inPem = search(`fine\n${JSON.stringify({ key: text })}\n`);
      assert.ok(inPem.includes('deep/driver.log:2: a private key in PEM'));
      assert.ok(inPem.every((found) => found.startsWith('deep/driver.log:2:')));
      for (const before of ['', ' ', '  ']) {
        const [found = ''] = search(JSON.stringify({ data: Buffer.from(before + text).toString('base64') }));
        assert.match(found, /a private key in PEM, as base64/);
      }
      assert.deepEqual(search(`key=${derOf[kind]?.toString('base64')}`), [
        'deep/driver.log:1: a private key in DER, as base64',
      ]);
    });

    it(`finds a known key in any other dress: ${kind}`, () => {
      const octets = derOf[kind] ?? Buffer.alloc(0);
      const finds = (content: string): void =>
        assert.ok(search(content, [text]).includes('deep/driver.log:1: a secret of this run'));
      finds(octets.toString('hex'));
      for (const before of ['', 'x', 'xy'])
        finds(Buffer.concat([Buffer.from(before), octets]).toString('base64url'));
      writeFileSync(join(folder, 'core'), octets);
      assert.ok(findSecrets(folder, [text]).some(({ file }) => file === 'core'));
      const body = text.split('\n').slice(1, -2).join('\n');
      assert.ok(search(body, [text]).length > 0, 'without its boundaries');
    });
  }

  it('finds tokens by their look', () => {
    assert.deepEqual(search(`GET /api Authorization: Bearer ${token}`), [
      'deep/driver.log:1: a JSON web token',
    ]);
  });

  it('finds that the log had to take one out', () => {
    const [found = ''] = search('{"message":"GET /x: [redacted token]"}\n{"password":"[redacted]"}');
    assert.match(found, /driver\.log:1: a secret that the log took out/);
  });

  it('finds known passwords and tokens, also encoded', () => {
    for (const text of [
      password,
      encodeURIComponent(password),
      Buffer.from(`u:${password}`).toString('base64'),
    ])
      assert.deepEqual(search(`a\nb ${text} c`, [password, token]), [
        'deep/driver.log:2: a secret of this run',
      ]);
    assert.equal(search(Buffer.from(token).toString('base64'), [token]).length, 1);
  });

  it('takes no public part for a secret', () => {
    const text = [ec, rsa, ed25519]
      .map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' }))
      .join('');
    const octets = Buffer.concat(
      [ec, rsa, ed25519].map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'der' })),
    );
    assert.deepEqual(
      search(`${text}\n${octets.toString('hex')}\n${octets.toString('base64')}`, [
        ...Object.values(keys),
        password,
      ]),
      [],
    );
  });

  it('never tells the secret', () => {
    const text = JSON.stringify(findSecrets(folder, [password]));
    assert.doesNotMatch(text + search(password, [password]).join(), new RegExp(password));
  });

  it('refuses to search for what is too short to be told from other texts', () => {
    assert.throws(() => search('', ['secret']), /6 characters/);
  });

  it('takes time in proportion to what it searches, also with many secrets', async () => {
    const many = Array.from({ length: 5_000 }, () => randomBytes(24).toString('base64url'));
    const text = `${randomBytes(96).toString('base64')}\n`.repeat(20_000);
    await assertLittleCpu(() => assert.deepEqual(search(text, many), []), 10_000);
  });
});
