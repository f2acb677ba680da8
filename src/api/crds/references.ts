import { list, struct, text } from './schema.ts';

/** Names one entry of a Secret; `what` says of what, and what the entry is called when not given. */
export function secretKeySelector(what: string) {
  return struct(
    {
      required: { name: text('Name of the Secret.', { minLength: 1 }) },
      optional: { key: text('Entry of the Secret. Some uses have a default.') },
    },
    what,
  );
}

export function localObjectReference(what: string) {
  return struct({ required: { name: text('Name of the object.', { minLength: 1 }) } }, what);
}

export const serviceAccountReference = struct(
  {
    required: { name: text('Name of the service account.', { minLength: 1 }) },
    optional: { audiences: list(text(), 'Audiences of the token, beside those that its use adds.') },
  },
  'Service account whose token is requested and used.',
);

const clusterKindsOnly =
  "(has(self.group) && self.group != '' && self.group != 'cert-manager.io') || !has(self.kind) || self.kind in ['', 'Issuer', 'ClusterIssuer']";

/** The issuer of a request. No defaults here: what is left out stays out, and is known where it is read. */
export const issuerReference = struct(
  {
    required: { name: text('Name of the issuer.') },
    optional: {
      kind: text('Kind of the issuer: Issuer when not set.'),
      group: text('API group of the issuer: cert-manager.io when not set.'),
    },
  },
  'Who is asked.',
  {
    rules: [
      {
        rule: "self.name != ''",
        message: 'must be specified',
        fieldPath: '.name',
        reason: 'FieldValueRequired',
      },
      {
        rule: clusterKindsOnly,
        messageExpression:
          "'must be one of Issuer or ClusterIssuer' + (has(self.group) && self.group != '' ? '' : ' (did you forget to set spec.issuerRef.group?)')",
        message: 'must be one of Issuer or ClusterIssuer',
        fieldPath: '.kind',
      },
    ],
  },
);
