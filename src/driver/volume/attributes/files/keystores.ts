import type { KeystorePassword, KeystoresSpec, Pkcs12Profile } from '../../volume-spec.ts';
import type { AttributeReader } from '../attribute-reader.ts';
import type { AttributeDefaults } from '../compatibility.ts';
import type { AttributeName } from '../known-attributes.ts';
import type { FileNames } from './file-names.ts';

const profiles = ['LegacyRC2', 'LegacyDES', 'Modern2023'] as const satisfies readonly Pkcs12Profile[];
const longestAlias = 64;

const partsOf = {
  'pkcs12-enable': ['pkcs12-filename', 'pkcs12-truststore-filename', 'pkcs12-profile', 'pkcs12-password'],
  'jks-enable': ['jks-filename', 'jks-truststore-filename', 'jks-alias'],
} as const satisfies Partial<Record<AttributeName, readonly AttributeName[]>>;

/** The key stores asked for, undefined without any. Whether there is a password for them is seen elsewhere. */
export function readKeystores(
  reader: AttributeReader,
  names: FileNames,
  defaults: AttributeDefaults,
): KeystoresSpec | undefined {
  if (reader.isGiven('pkcs12-password') && !defaults.passwordInSpec)
    throw reader.refuse(
      'pkcs12-password',
      'whoever may read pods could read the password: put it into a Secret that nodePublishSecretRef of the csi volume names, with the key pkcs12-password, or set keystore-password-file to have one made',
    );
  const pkcs12 = isEnabled(reader, 'pkcs12-enable') ? readPkcs12(reader, names, defaults) : undefined;
  const jks = isEnabled(reader, 'jks-enable') ? readJks(reader, names, defaults) : undefined;
  if (pkcs12 === undefined && jks === undefined) {
    if (reader.isGiven('keystore-password-file'))
      throw reader.refuse('keystore-password-file', 'needs pkcs12-enable: "true" or jks-enable: "true"');
    return undefined;
  }
  return { password: readPassword(reader, names, jks !== undefined), pkcs12, jks };
}

/** What belongs to a key store that is switched off explicitly does not matter: templates leave it there. */
function isEnabled(reader: AttributeReader, attribute: keyof typeof partsOf): boolean {
  const enabled = reader.boolean(attribute);
  const part = partsOf[attribute].find((name) => reader.isGiven(name));
  if (enabled === undefined && part !== undefined) throw reader.refuse(part, `needs ${attribute}: "true"`);
  return enabled ?? false;
}

function readPkcs12(
  reader: AttributeReader,
  names: FileNames,
  { pkcs12Profile, truststores }: AttributeDefaults,
): KeystoresSpec['pkcs12'] {
  return {
    keystore: names.read('pkcs12-filename', 'keystore.p12'),
    truststore: names.read('pkcs12-truststore-filename', truststores ? 'truststore.p12' : undefined),
    profile: reader.choice('pkcs12-profile', profiles) ?? pkcs12Profile,
  };
}

function readJks(
  reader: AttributeReader,
  names: FileNames,
  { truststores }: AttributeDefaults,
): KeystoresSpec['jks'] {
  return {
    keystore: names.read('jks-filename', 'keystore.jks'),
    truststore: names.read('jks-truststore-filename', truststores ? 'truststore.jks' : undefined),
    alias: readAlias(reader),
  };
}

function readAlias(reader: AttributeReader): string {
  // As cert-manager has it.
  const alias = reader.expanded('jks-alias') ?? 'certificate';
  // The BMP alone: a JKS has modified UTF-8, in which the others are written as Java alone reads them.
  if (alias.length > longestAlias || /[\p{Cc}\u{10000}-\u{10ffff}]/u.test(alias) || !alias.isWellFormed())
    throw reader.refuse(
      'jks-alias',
      `must be at most ${longestAlias} characters, without control characters and those beyond U+FFFF`,
    );
  return alias;
}

function readPassword(reader: AttributeReader, names: FileNames, hasJks: boolean): KeystorePassword {
  const file = names.read('keystore-password-file', undefined);
  if (!reader.isGiven('pkcs12-password'))
    return file === undefined ? { from: 'secret' } : { from: 'file', file };
  if (file !== undefined)
    throw reader.refuse('keystore-password-file', 'pkcs12-password is given too: keep one of them');
  if (hasJks)
    throw reader.refuse(
      'pkcs12-password',
      'is no password for the JKS key store: use nodePublishSecretRef or keystore-password-file for both',
    );
  return { from: 'attribute' };
}
