import { secretKeySelector, serviceAccountReference } from '../references.ts';
import type { ValidationRule } from '../schema.ts';
import { bytes, struct, text } from '../schema.ts';

/** A path is joined to the server's URL: one that climbs would reach other endpoints than those it is granted. */
function noDotDot(field: string): ValidationRule {
  return {
    rule: `!has(self.${field}) || !self.${field}.matches('(^|/)[.][.](/|$)')`,
    message: "must not contain '..' path segments",
    fieldPath: `.${field}`,
  };
}

const mountPath = (standard: string) => text(`Mount path of the auth method: ${standard} when not set.`);

const appRole = struct(
  {
    required: {
      path: text('Mount path of the auth method, as in "approle".'),
      roleId: text('ID of the role.', { minLength: 1 }),
      secretRef: secretKeySelector("The role's secret ID in a Secret."),
    },
  },
  'Logs in with an AppRole.',
  { rules: [noDotDot('path')] },
);

const clientCertificate = struct(
  {
    optional: {
      mountPath: mountPath('/v1/auth/cert'),
      name: text('Role to log in as; any that fits when not set.'),
      secretName: text('Secret of type kubernetes.io/tls with certificate and key.'),
    },
  },
  'Logs in with a TLS client certificate.',
  { rules: [noDotDot('mountPath')] },
);

const kubernetes = struct(
  {
    required: { role: text('Role to log in as.', { minLength: 1 }) },
    optional: {
      mountPath: mountPath('/v1/auth/kubernetes'),
      // An empty name stands for no Secret: older objects have it beside a serviceAccountRef.
      secretRef: struct(
        {
          required: { name: text('Name of the Secret.') },
          optional: { key: text('Entry of the Secret: token when not set.') },
        },
        'Long-lived service account token in a Secret.',
      ),
      serviceAccountRef: serviceAccountReference,
    },
  },
  'Logs in with a service account token.',
  {
    rules: [
      {
        rule: "(has(self.secretRef) && self.secretRef.name != '') != has(self.serviceAccountRef)",
        message: 'please supply one of: secretRef, serviceAccountRef',
      },
      noDotDot('mountPath'),
    ],
  },
);

const aws = struct(
  {
    required: { role: text('Role of Vault to log in as.', { minLength: 1 }) },
    optional: {
      mountPath: mountPath('/v1/auth/aws'),
      region: text('Region of the STS endpoint that Vault verifies at.'),
      serviceAccountRef: serviceAccountReference,
      iamRoleArn: text('IAM role that the service account assumes.'),
      vaultHeaderValue: text('Value of the header X-Vault-AWS-IAM-Server-ID.'),
    },
  },
  'Logs in with AWS IAM.',
  {
    rules: [
      {
        rule: "!has(self.serviceAccountRef) || (has(self.iamRoleArn) && self.iamRoleArn != '')",
        message: 'iamRoleArn is required when using serviceAccountRef for IRSA',
        fieldPath: '.iamRoleArn',
        reason: 'FieldValueRequired',
      },
      noDotDot('mountPath'),
    ],
  },
);

const auth = struct(
  {
    optional: {
      tokenSecretRef: secretKeySelector('A token in a Secret; its key is token when not set.'),
      appRole,
      clientCertificate,
      kubernetes,
      aws,
    },
  },
  'How to log in. Of several: tokenSecretRef, appRole, clientCertificate, kubernetes, aws, the first that is set.',
  {
    rules: [
      {
        rule: 'has(self.tokenSecretRef) || has(self.appRole) || has(self.clientCertificate) || has(self.kubernetes) || has(self.aws)',
        message: 'please supply one of: appRole, kubernetes, tokenSecretRef, clientCertificate, aws',
        reason: 'FieldValueRequired',
      },
    ],
  },
);

export const vaultIssuer = struct(
  {
    required: {
      auth,
      server: text('URL, as in "https://vault.example.com:8200".', { minLength: 1 }),
      path: text('Path of the sign endpoint, as in "pki/sign/my-role".', { minLength: 1 }),
    },
    optional: {
      serverName: text('Name that the TLS certificate must have, where it is not the host of the URL.'),
      namespace: text('Vault\'s namespace, as in "ns1/ns2".'),
      caBundle: bytes("PEM of the roots for TLS: the system's when neither is set."),
      caBundleSecretRef: secretKeySelector('The roots for TLS in a Secret; its key is ca.crt when not set.'),
      clientCertSecretRef: secretKeySelector('Certificate for TLS; its key is tls.crt when not set.'),
      clientKeySecretRef: secretKeySelector('Key for TLS; its key is tls.key when not set.'),
    },
  },
  'Asks HashiCorp Vault or OpenBao.',
  {
    rules: [
      {
        rule: '!(has(self.caBundle) && size(self.caBundle) > 0 && has(self.caBundleSecretRef))',
        message: 'specified caBundle and caBundleSecretRef cannot be used together',
        fieldPath: '.caBundle',
      },
      {
        rule: '!has(self.clientCertSecretRef) || has(self.clientKeySecretRef)',
        message: 'clientKeySecretRef must be provided when defining the clientCertSecretRef',
        fieldPath: '.clientKeySecretRef',
      },
      {
        rule: '!has(self.clientKeySecretRef) || has(self.clientCertSecretRef)',
        message: 'clientCertSecretRef must be provided when defining the clientKeySecretRef',
        fieldPath: '.clientCertSecretRef',
      },
      noDotDot('path'),
    ],
  },
);
