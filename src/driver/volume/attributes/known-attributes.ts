/** Every attribute of a certmount volume. The names and meanings of cert-manager's csi-driver are kept. */
export const knownAttributes = [
  'issuer-name',
  'issuer-kind',
  'issuer-group',
  'common-name',
  'dns-names',
  'ip-sans',
  'uri-sans',
  'duration',
  'renew-before',
  'is-ca',
  'key-usages',
  'key-algorithm',
  'key-size',
  'key-encoding',
  'reuse-private-key',
  'certificate-file',
  'privatekey-file',
  'ca-file',
  'fs-group',
] as const;

export type AttributeName = (typeof knownAttributes)[number];

/** A bare name and these groups mean the same attribute. */
export const attributeGroups = ['csi.certmount.io', 'csi.cert-manager.io'] as const;

export function isKnownAttribute(name: string): name is AttributeName {
  return (knownAttributes as readonly string[]).includes(name);
}
