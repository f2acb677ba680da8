import { certificateRequests } from '../certificate-request.ts';
import { usageNames } from '../usages.ts';
import { plainConditions } from './conditions.ts';
import type { CrdDefinition } from './definition.ts';
import { ageColumn, conditionColumn } from './definition.ts';
import { issuerReference } from './references.ts';
import { bytes, duration, flag, list, map, oneOf, struct, text, time, untypedList } from './schema.ts';
import type { ValidationRule } from './schema.ts';

// Not here, because a CRD's CEL sees of the metadata only the name: annotations under cert-manager.io/ and
// acme.cert-manager.io/ must not change after creation, and username, uid, groups and extra must be the requester's.
// Both are the admission policies'. The request's own content (its signature, and that its usages and CA flag are those
// of the spec) is the controller's to check.

export const certificateRequestSpec = struct(
  {
    required: {
      request: bytes('PEM of the PKCS#10 certificate signing request.'),
      issuerRef: issuerReference,
    },
    optional: {
      duration: duration(
        'Lifetime asked for, as in "2160h": 90 days when not set. The issuer may give another.',
      ),
      isCA: flag('Whether a certificate authority is asked for.'),
      usages: list(
        oneOf(usageNames),
        'Key usages and extended key usages asked for: digital signature and key encipherment when not set.',
      ),
      username: text('User who made the request.'),
      uid: text('UID of the user who made the request.'),
      groups: list(text(), 'Groups of the user who made the request.'),
      extra: map(
        untypedList(text()),
        'Further facts of the user who made the request, as its authenticator gave them.',
      ),
    },
  },
  'What is asked for. Never changes.',
  {
    rules: [
      {
        rule: 'self == oldSelf',
        message: 'cannot change spec after creation',
        reason: 'FieldValueForbidden',
      },
    ],
  },
);

const decisions = ['Approved', 'Denied'] as const;
const has = (conditions: string, type: string): string => `${conditions}.exists(c, c.type == '${type}')`;

/**
 * Holds a decision to what it was. A rule of the whole object, because one of the conditions would not be asked when
 * they, or all of the status, are taken away.
 */
function unchanged(type: string): ValidationRule {
  const found = (object: string): string => `has(${object}.status) && has(${object}.status.conditions)`;
  const decided = (object: string): string => `${object}.status.conditions.filter(c, c.type == '${type}')`;
  const wasSet = `${found('oldSelf')} && ${has('oldSelf.status.conditions', type)}`;
  return {
    rule: `!(${wasSet}) || (${found('self')} && ${decided('self')} == ${decided('oldSelf')})`,
    message: `'${type}' condition may not be modified once set`,
    fieldPath: '.status.conditions',
    reason: 'FieldValueForbidden',
  };
}

const conditions = plainConditions(
  [
    {
      rule: "!(self.type in ['Approved', 'Denied']) || self.status == 'True'",
      messageExpression: `"'" + self.type + "' condition may only be set to True"`,
      message: 'an Approved or Denied condition may only be set to True',
      fieldPath: '.status',
    },
  ],
  [
    {
      rule: `!(${has('self', 'Approved')} && ${has('self', 'Denied')})`,
      message: "both 'Denied' and 'Approved' conditions cannot coexist",
      reason: 'FieldValueForbidden',
    },
  ],
);

export const certificateRequestStatus = struct(
  {
    optional: {
      conditions,
      certificate: bytes('PEM of the certificate and its intermediates, the leaf first.'),
      ca: bytes('PEM of the root of the chain, as far as the issuer knows it.'),
      failureTime: time('When the request was found to have failed or to be denied.'),
    },
  },
  'What became of it: approval, then the certificate.',
);

export const certificateRequestCrd: CrdDefinition = {
  resource: certificateRequests,
  singular: 'certificaterequest',
  shortNames: ['cr', 'crs'],
  categories: ['cert-manager'],
  columns: [
    conditionColumn('Approved', 'Approved'),
    conditionColumn('Denied', 'Denied'),
    conditionColumn('Ready', 'Ready'),
    { name: 'Issuer', jsonPath: '.spec.issuerRef.name', type: 'string' },
    { name: 'Requester', jsonPath: '.spec.username', type: 'string' },
    conditionColumn('Status', 'Ready', 'message'),
    ageColumn,
  ],
  selectableFields: ['.spec.issuerRef.group', '.spec.issuerRef.kind', '.spec.issuerRef.name'],
  description: 'Asks an issuer for one certificate: never changed, used once.',
  spec: certificateRequestSpec,
  status: certificateRequestStatus,
  rules: decisions.map(unchanged),
};
