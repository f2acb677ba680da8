import { localObjectReference, secretKeySelector } from '../references.ts';
import { bytes, struct, text } from '../schema.ts';

const tpp = struct(
  {
    required: {
      url: text('URL of the service.', { minLength: 1 }),
      credentialsRef: localObjectReference('Secret with access-token, or with username and password.'),
    },
    optional: {
      caBundle: bytes("PEM of the roots for TLS: the system's when neither is set."),
      caBundleSecretRef: secretKeySelector('The roots for TLS in a Secret; its key is ca.crt when not set.'),
    },
  },
  'Certificate Manager, Self-Hosted.',
  {
    rules: [
      {
        rule: '!(has(self.caBundle) && size(self.caBundle) > 0 && has(self.caBundleSecretRef))',
        message: 'may not specify more than one of caBundle/caBundleSecretRef as TPP CA Bundle',
        reason: 'FieldValueForbidden',
      },
    ],
  },
);

const cloud = struct(
  {
    required: { apiTokenSecretRef: secretKeySelector('The API token in a Secret.') },
    optional: { url: text('URL of the service, where it is not the public one.') },
  },
  'Certificate Manager, SaaS.',
);

const ngts = struct(
  {
    required: {
      tsgID: text('ID of the tenant service group.', { minLength: 1 }),
      credentialsRef: localObjectReference('Secret with client-id and client-secret.'),
    },
    optional: {
      url: text('URL of the service, where it is not the public one.'),
      tokenEndpoint: text('URL that gives tokens, where it is not the public one.'),
    },
  },
  'Next-generation trust security.',
);

export const venafiIssuer = struct(
  {
    required: {
      zone: text('Policy folder, or application and template, that requests are made in.', { minLength: 1 }),
    },
    optional: { tpp, cloud, ngts },
  },
  'Asks CyberArk Certificate Manager, formerly Venafi.',
  {
    rules: [
      {
        rule: '(has(self.tpp) ? 1 : 0) + (has(self.cloud) ? 1 : 0) + (has(self.ngts) ? 1 : 0) == 1',
        message: 'exactly one of tpp, cloud, or ngts must be configured',
      },
    ],
  },
);
