import { type DecodedAltNames, decodeAltNames, noAltNames } from '../names/alt-names.ts';
import { type BasicConstraints, decodeBasicConstraints } from './basic-constraints.ts';
import { type Extension, extensionOid } from './extension.ts';
import { decodeAuthorityKeyIdentifier, decodeSubjectKeyIdentifier } from './key-identifier.ts';
import { type DecodedUsages, decodeExtendedKeyUsages, decodeKeyUsages } from './usages.ts';

/** What requests and certificates say in their extensions. */
export interface DecodedExtensions {
  readonly altNames: DecodedAltNames;
  readonly sanCritical: boolean;
  /** Undefined when there are neither key usages nor extended ones. */
  readonly usages: DecodedUsages | undefined;
  /** Undefined when there is no KeyUsage extension, which is not the same as one without bits. */
  readonly keyUsageCritical: boolean | undefined;
  readonly basicConstraints: BasicConstraints | undefined;
  readonly subjectKeyId: string | undefined;
  readonly authorityKeyId: string | undefined;
  readonly nameConstraints: Extension | undefined;
  readonly unknown: readonly { readonly oid: string; readonly critical: boolean }[];
}

const decoded: ReadonlySet<string> = new Set([
  extensionOid.subjectAltName,
  extensionOid.keyUsage,
  extensionOid.extendedKeyUsage,
  extensionOid.basicConstraints,
  extensionOid.subjectKeyIdentifier,
  extensionOid.authorityKeyIdentifier,
  extensionOid.nameConstraints,
]);

export function decodeExtensions(extensions: ReadonlyMap<string, Extension>): DecodedExtensions {
  const get = <T>(oid: string, decode: (value: Buffer) => T): T | undefined => {
    const extension = extensions.get(oid);
    return extension && decode(extension.value);
  };
  const keyUsages = get(extensionOid.keyUsage, decodeKeyUsages);
  const extendedKeyUsages = get(extensionOid.extendedKeyUsage, decodeExtendedKeyUsages);
  return {
    altNames: get(extensionOid.subjectAltName, decodeAltNames) ?? noAltNames,
    sanCritical: extensions.get(extensionOid.subjectAltName)?.critical ?? false,
    usages:
      keyUsages || extendedKeyUsages
        ? {
            keyUsages: keyUsages ?? [],
            extendedKeyUsages: extendedKeyUsages?.known ?? [],
            otherExtendedKeyUsages: extendedKeyUsages?.other ?? [],
          }
        : undefined,
    keyUsageCritical: extensions.get(extensionOid.keyUsage)?.critical,
    basicConstraints: get(extensionOid.basicConstraints, decodeBasicConstraints),
    subjectKeyId: get(extensionOid.subjectKeyIdentifier, decodeSubjectKeyIdentifier),
    authorityKeyId: get(extensionOid.authorityKeyIdentifier, decodeAuthorityKeyIdentifier),
    nameConstraints: extensions.get(extensionOid.nameConstraints),
    unknown: [...extensions].flatMap(([oid, { critical }]) => (decoded.has(oid) ? [] : [{ oid, critical }])),
  };
}
