/** What a certificate says of its holder: here the pod's addresses have their place, and nowhere else. */
const nameAttributes = [
  'literal-subject',
  'common-name',
  'organizations',
  'organizationalunits',
  'countries',
  'provinces',
  'localities',
  'streetaddresses',
  'postalcodes',
  'serialnumber',
  'dns-names',
  'ip-sans',
  'uri-sans',
  'email-sans',
] as const;

/** Every attribute of a certmount volume. The names and meanings of cert-manager's csi-driver are kept. */
export const knownAttributes = [
  'issuer-name',
  'issuer-kind',
  'issuer-group',
  ...nameAttributes,
  'duration',
  'renew-before',
  'is-ca',
  'key-usages',
  'key-algorithm',
  'key-size',
  'key-encoding',
  'reuse-private-key',
  'preset',
  'certificate-file',
  'privatekey-file',
  'ca-file',
  'bundle-file',
  'combined-pem-file',
  'certificate-der-file',
  'privatekey-der-file',
  'pkcs12-enable',
  'pkcs12-filename',
  'pkcs12-truststore-filename',
  'pkcs12-profile',
  'pkcs12-password',
  'jks-enable',
  'jks-filename',
  'jks-truststore-filename',
  'jks-alias',
  'keystore-password-file',
  'trust-bundle',
  'federated-bundles',
  'spiffe-bundle-file',
  'fs-group',
  'workload-api',
  'start',
  'wait-for',
] as const;

export type AttributeName = (typeof knownAttributes)[number];

/** A bare name and these groups mean the same attribute. */
export const attributeGroups = ['csi.certmount.io', 'csi.cert-manager.io'] as const;

export function isKnownAttribute(name: string): name is AttributeName {
  return (knownAttributes as readonly string[]).includes(name);
}

export function isNameAttribute(name: AttributeName): boolean {
  return (nameAttributes as readonly string[]).includes(name);
}

/** Its value is in no message. */
export function isSecretAttribute(name: AttributeName): boolean {
  return name === 'pkcs12-password';
}
