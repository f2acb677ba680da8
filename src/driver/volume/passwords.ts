import { randomBytes } from 'node:crypto';
import { checkKeystorePassword } from '../../pki/index.ts';
import {
  type AttributeName,
  attributeGroups,
  isSecretAttribute,
  knownAttributes,
} from './attributes/known-attributes.ts';
import type { VolumeFiles } from './files/volume-files.ts';
import { VolumeError } from './volume-error.ts';
import type { VolumePorts } from './volume-ports.ts';
import type { KeystoresSpec, VolumeSpec } from './volume-spec.ts';
import type { VolumeSource } from './volumes.ts';

/** undefined for a key store that is not asked for. */
export interface KeystorePasswords {
  readonly pkcs12: string | undefined;
  readonly jks: string | undefined;
}

type Store = keyof KeystorePasswords;

const titles: Record<Store, string> = { pkcs12: 'PKCS#12', jks: 'JKS' };
const sharedEntry = 'keystore-password';
const passwordAttribute = 'pkcs12-password';
const longestPassword = 1024;
/** 32 characters of base64url. */
const randomPasswordBytes = 24;

/**
 * The passwords of the key stores that a volume asks for; undefined when it asks for none. Call before anything is done
 * for the volume.
 *
 * @param source the kubelet's call: after a restart the driver has the passwords from {@link readPasswords} alone
 * @throws {VolumeError} `invalid-attribute`, naming what is missing or wrong; never a password
 */
export function passwordsOf(
  { keystores }: Pick<VolumeSpec, 'keystores'>,
  source: Pick<VolumeSource, 'context' | 'secrets'>,
  random: (size: number) => Buffer = randomBytes,
): KeystorePasswords | undefined {
  if (keystores === undefined) return undefined;
  switch (keystores.password.from) {
    case 'secret':
      return forEachStore(keystores, (store) => ofSecret(store, source.secrets));
    case 'attribute': {
      const password = ofAttribute(source.context);
      return forEachStore(keystores, () => password);
    }
    case 'file': {
      const password = random(randomPasswordBytes).toString('base64url');
      return forEachStore(keystores, () => password);
    }
  }
}

/**
 * Keeps the passwords for renewals, in the volume's own memory. Other ones than before take effect with the next
 * generation; but one that was made at random stays, because the pod may have read it.
 */
export function savePasswords(
  spec: VolumeSpec,
  passwords: KeystorePasswords | undefined,
  files: VolumeFiles,
): void {
  if (spec.keystores === undefined || passwords === undefined) return;
  const stored = storedPasswords(spec, spec.keystores, files);
  if (stored !== undefined && spec.keystores.password.from === 'file') return;
  if (stored?.pkcs12 === passwords.pkcs12 && stored?.jks === passwords.jks) return;
  files.savePasswords(spec.targetPath, JSON.stringify(passwords));
}

/** @throws {VolumeError} `not-issued-yet` while those of key stores that are asked for are not known */
export function readPasswords(spec: VolumeSpec, files: VolumeFiles): KeystorePasswords | undefined {
  if (spec.keystores === undefined) return undefined;
  const stored = storedPasswords(spec, spec.keystores, files);
  if (stored !== undefined) return stored;
  throw new VolumeError(
    'not-issued-yet',
    'the password of the key stores is not known to the driver until the kubelet publishes the volume again',
  );
}

/**
 * What the kubelet brings with another call for a volume that is served: such a call never fails, so that what is wrong
 * with it is only logged.
 */
export function refreshPasswords(
  known: VolumeSpec,
  source: VolumeSource,
  { files, log, parseSpec }: Pick<VolumePorts, 'files' | 'log' | 'parseSpec'>,
): void {
  if (known.keystores === undefined) return;
  try {
    // The spec of a volume that was recovered does not know of a password that is not stored.
    const spec = parseSpec(source);
    savePasswords(spec, passwordsOf(spec, source), files);
  } catch (error) {
    log.warn({ error, volume: known.volumeId }, 'the passwords of the key stores stay as they are');
  }
}

/** Attributes whose value is a secret, in every spelling: none may come into a record, a log or an error. */
export const secretAttributes: readonly string[] = knownAttributes
  .filter(isSecretAttribute)
  .flatMap(spellingsOf);

/** A `volume_context` without what is secret in the attributes. */
export function withoutPasswords(context: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(context).filter(([key]) => !secretAttributes.includes(key)));
}

function spellingsOf(name: AttributeName): readonly string[] {
  return [name, ...attributeGroups.map((group) => `${group}/${name}`)];
}

function forEachStore(
  { jks, pkcs12 }: KeystoresSpec,
  passwordOf: (store: Store) => string,
): KeystorePasswords {
  return {
    pkcs12: pkcs12 === undefined ? undefined : passwordOf('pkcs12'),
    jks: jks === undefined ? undefined : passwordOf('jks'),
  };
}

function ofSecret(store: Store, secrets: Readonly<Record<string, string>>): string {
  const ownEntry = `${store}-password`;
  const entry = secrets[ownEntry] === undefined ? sharedEntry : ownEntry;
  const password = secrets[entry];
  if (password === undefined)
    throw new VolumeError(
      'invalid-attribute',
      `nodePublishSecretRef: there is no password for the ${titles[store]} key store: the Secret that the csi volume names must have the key ${ownEntry}, or ${sharedEntry} for every key store; or set keystore-password-file to have one made`,
    );
  return check(password, `nodePublishSecretRef: ${entry} in the Secret`);
}

function ofAttribute(context: Readonly<Record<string, string>>): string {
  const spelled = spellingsOf(passwordAttribute).find((key) => context[key] !== undefined);
  const password = spelled === undefined ? undefined : context[spelled];
  if (spelled === undefined || password === undefined)
    throw new VolumeError(
      'invalid-attribute',
      `${passwordAttribute}: must be set where the key store has no other password`,
    );
  return check(password, spelled);
}

/** Control characters are refused because nearly always one is a newline that a Secret was made with unintended. */
function check(password: string, where: string): string {
  const refuse = (fault: string): never => {
    throw new VolumeError('invalid-attribute', `${where}: ${fault}`);
  };
  if (/\p{Cc}/u.test(password)) refuse('must not have control characters, such as a newline at its end');
  if (password.length > longestPassword) refuse(`must have at most ${longestPassword} characters`);
  try {
    checkKeystorePassword(password);
  } catch (error) {
    refuse((error as Error).message);
  }
  return password;
}

/** undefined unless there is one for each key store asked for. */
function storedPasswords(
  { targetPath }: VolumeSpec,
  keystores: KeystoresSpec,
  files: VolumeFiles,
): KeystorePasswords | undefined {
  const stored = parse(files.readPasswords(targetPath));
  const of = (store: Store): string | undefined => {
    const password = keystores[store] === undefined ? undefined : stored?.[store];
    return typeof password === 'string' ? password : undefined;
  };
  const passwords = { pkcs12: of('pkcs12'), jks: of('jks') };
  const isWhole = (['pkcs12', 'jks'] as const).every(
    (store) => (keystores[store] === undefined) === (passwords[store] === undefined),
  );
  return isWhole ? passwords : undefined;
}

/** An error of JSON.parse would show a part of the text. */
function parse(text: string | undefined): Partial<Record<Store, unknown>> | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Partial<Record<Store, unknown>>);
  } catch {
    return undefined;
  }
}
