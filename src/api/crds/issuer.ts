import { clusterIssuers, issuers } from '../issuer.ts';
import { observedConditions } from './conditions.ts';
import type { CrdDefinition } from './definition.ts';
import { ageColumn, conditionColumn } from './definition.ts';
import { acmeIssuer } from './issuers/acme.ts';
import { vaultIssuer } from './issuers/vault.ts';
import { venafiIssuer } from './issuers/venafi.ts';
import { exactlyOne } from './rules.ts';
import { list, struct, text } from './schema.ts';

const urls = (what: string) => list(text(), `${what}, put into the certificates as they are.`);

const caIssuer = struct(
  {
    required: { secretName: text('Secret with tls.crt and tls.key of the authority.', { minLength: 1 }) },
    optional: {
      crlDistributionPoints: urls('URLs of revocation lists'),
      ocspServers: urls('URLs of OCSP responders'),
      issuingCertificateURLs: urls("URLs of the authority's own certificate"),
    },
  },
  'Signs with a key in a Secret.',
);

const selfSignedIssuer = struct(
  { optional: { crlDistributionPoints: urls('URLs of revocation lists') } },
  'Signs each certificate with its own key.',
);

export const issuerSpec = struct(
  {
    optional: {
      acme: acmeIssuer,
      ca: caIssuer,
      selfSigned: selfSignedIssuer,
      vault: vaultIssuer,
      venafi: venafiIssuer,
    },
  },
  'How it signs: exactly one of the fields.',
  {
    rules: exactlyOne(['acme', 'ca', 'selfSigned', 'vault', 'venafi'], {
      none: 'at least one issuer must be configured',
      several: 'may not specify more than one issuer type',
    }),
  },
);

const acmeStatus = struct(
  {
    optional: {
      uri: text('URL of the account.'),
      lastRegisteredEmail: text('Address that the account was last registered with.'),
      lastPrivateKeyHash: text('Base64 of the SHA-256 of the account key.'),
    },
  },
  'The account at an ACME authority.',
);

export const issuerStatus = struct(
  { optional: { conditions: observedConditions, acme: acmeStatus } },
  'Whether it can sign.',
);

const shared = {
  categories: ['cert-manager'],
  columns: [conditionColumn('Ready', 'Ready'), conditionColumn('Status', 'Ready', 'message'), ageColumn],
  selectableFields: [],
  spec: issuerSpec,
  status: issuerStatus,
};

export const issuerCrd: CrdDefinition = {
  ...shared,
  resource: issuers,
  singular: 'issuer',
  shortNames: ['iss'],
  description: 'Signs the certificate requests of its namespace that name it.',
};

export const clusterIssuerCrd: CrdDefinition = {
  ...shared,
  resource: clusterIssuers,
  singular: 'clusterissuer',
  shortNames: ['ciss'],
  description: 'Signs the certificate requests of any namespace that name it.',
};
