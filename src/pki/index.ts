export { isPkiError, PkiError, type PkiFailure } from './errors.ts';
export { decodePem, encodePem, type PemBlock } from './pem.ts';
export { fingerprint, publicKeyFingerprint } from './fingerprint.ts';

export { checkKeySpec, keySpecOf, publicKeyOf, samePublicKey, type KeySpec } from './keys/key-spec.ts';
export { generateKey } from './keys/generate-key.ts';
export { KeyGenerator, type KeyGeneratorOptions } from './keys/key-generator.ts';
export {
  decodePrivateKey,
  encodePrivateKey,
  type EncodedKey,
  exportPrivateKey,
  type KeyEncoding,
} from './keys/encode-key.ts';

export { parseDistinguishedName } from './names/parse-distinguished-name.ts';
export {
  type EncodedAttribute,
  encodeSubject,
  formatSubject,
  isEmptySubject,
  listAttributes,
  type Subject,
} from './names/subject.ts';
export { isEmptyAltNames, noAltNames, sameAltNames, type AltNames } from './names/alt-names.ts';
export { checkDnsName, checkEmailAddress, checkUri } from './names/check-name.ts';
export { decodeIpAddress, encodeIpAddress } from './names/ip-address.ts';
export { sameUsages, type ExtendedKeyUsage, type KeyUsage, type Usages } from './extensions/usages.ts';

export { createRequest, type RequestTemplate } from './request/create-request.ts';
export { maxRequestLength, parseRequest, type ParsedRequest } from './request/parse-request.ts';

export type { Certificate } from './certificate/certificate.ts';
export { type CertificateDescription, describeCertificate } from './certificate/describe-certificate.ts';
export {
  decodeCertificate,
  maxCertificateLength,
  maxChainLength,
  parseCertificate,
  parseChain,
} from './certificate/parse-certificate.ts';
export {
  selfSignCertificate,
  signCertificate,
  type Authority,
  type CertificateTemplate,
  type SigningDependencies,
  validityFrom,
  validityWithin,
} from './certificate/sign-certificate.ts';

export { isIssuedBy, isSelfSigned, issuesAs, namesMatch, verifiesUnder } from './chain/issued-by.ts';
export { orderChain } from './chain/order-chain.ts';
export { checkPurposes } from './chain/purposes.ts';
export { verifyChain } from './chain/verify-chain.ts';

export {
  checkTrustDomain,
  formatSpiffeId,
  parseSpiffeId,
  type SpiffeId,
  spiffeIdOf,
} from './spiffe/spiffe-id.ts';
export { checkX509Svid, checkX509SvidAuthority } from './spiffe/x509-svid.ts';

export {
  encodePasswordlessPkcs12Truststore,
  encodePkcs12Keystore,
  encodePkcs12Truststore,
  type Pkcs12KeystoreOptions,
  type Pkcs12Profile,
  type Pkcs12TruststoreOptions,
} from './keystores/pkcs12.ts';
export {
  encodeJksKeystore,
  encodeJksTruststore,
  type JksKeystoreOptions,
  type JksTruststoreOptions,
} from './keystores/jks.ts';
export { checkKeystorePassword, type KeystoreDependencies } from './keystores/check-keystore.ts';
