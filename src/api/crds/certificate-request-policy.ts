import { certificateRequestPolicies } from '../certificate-request-policy.ts';
import { usageNames } from '../usages.ts';
import { observedConditions } from './conditions.ts';
import type { CrdDefinition } from './definition.ts';
import { ageColumn, conditionColumn } from './definition.ts';
import type { ValidationRule } from './schema.ts';
import { duration, flag, integer, list, listByKey, map, oneOf, struct, text } from './schema.ts';

// As approver-policy's users write it: whatever its API server takes is taken here. What its webhook refuses is refused here
// too, or, where the API server has no means to see it (CEL, order of durations), makes the policy not ready.

const validation = struct({
  required: { rule: text('In CEL, true for what is allowed.') },
  optional: { message: text('What is allowed, in words for people.') },
});

function validations(self: string) {
  return listByKey('rule', validation, `Rules that all have to hold; ${self} is their "self".`);
}

const required = flag('Whether there must be one.');

const allowedText = (what: string) =>
  struct(
    {
      optional: {
        required,
        value: text('Pattern that it has to match, with "*" for any characters or none.'),
        validations: validations('the value'),
      },
    },
    what,
    { rules: [someValuePossible('value')] },
  );

const textsFields = {
  required,
  values: list(
    text(),
    'Patterns, with "*" for any characters or none: each value has to match one, where there are any.',
  ),
  validations: validations('each value'),
};

const allowedTexts = (what: string) =>
  struct({ optional: textsFields }, what, { rules: [someValuePossible('values')] });

const byOid = (what: string) =>
  list(
    struct({
      required: { oid: text('Object identifier, as in "1.2.840.113549.1.9.1".') },
      optional: textsFields,
    }),
    what,
  );

function someValuePossible(field: string): ValidationRule {
  return {
    rule: `!has(self.required) || !self.required || has(self.${field}) || (has(self.validations) && self.validations.size() > 0)`,
    message: `${field} or validations must be given where required is true`,
    fieldPath: `.${field}`,
    reason: 'FieldValueRequired',
  };
}

const allowedSubject = struct(
  {
    optional: {
      organizations: allowedTexts('Organizations (O).'),
      countries: allowedTexts('Countries (C).'),
      organizationalUnits: allowedTexts('Organizational units (OU).'),
      localities: allowedTexts('Localities (L).'),
      provinces: allowedTexts('Provinces (ST).'),
      streetAddresses: allowedTexts('Street addresses.'),
      postalCodes: allowedTexts('Postal codes.'),
      serialNumber: allowedText('Serial number of the subject.'),
      otherAttributes: byOid('Attributes that have no field here.'),
    },
  },
  'Attributes of the subject beside the common name.',
);

const allowed = struct(
  {
    optional: {
      commonName: allowedText('Common name of the subject.'),
      dnsNames: allowedTexts('DNS names.'),
      ipAddresses: allowedTexts('IP addresses.'),
      uris: allowedTexts('URIs, such as SPIFFE IDs.'),
      emailAddresses: allowedTexts('Email addresses.'),
      otherNames: byOid('Names of other kinds. No request with such names is served, whatever is allowed.'),
      isCA: flag('Whether the certificate may be one of an authority.'),
      usages: list(oneOf(usageNames), 'Key usages and extended key usages.'),
      subject: allowedSubject,
    },
  },
  'What may be asked for. What is left out must not be asked for.',
);

const keyRules: readonly ValidationRule[] = [
  {
    rule: "!has(self.algorithm) || self.algorithm != 'Ed25519' || (!has(self.minSize) && !has(self.maxSize))",
    message: 'an Ed25519 key has no size: leave minSize and maxSize out',
  },
  {
    rule: '!has(self.minSize) || !has(self.maxSize) || self.minSize <= self.maxSize',
    message: 'must not be smaller than minSize',
    fieldPath: '.maxSize',
  },
];

const size = (what: string) => integer('int32', what, { minimum: 0, maximum: 8192 });

const constraints = struct(
  {
    optional: {
      minDuration: duration('Shortest lifetime. When set, one must be asked for.'),
      maxDuration: duration('Longest lifetime. When set, one must be asked for.'),
      privateKey: struct(
        {
          optional: {
            algorithm: oneOf(['RSA', 'ECDSA', 'Ed25519'], 'The one algorithm; any when not set.'),
            minSize: size('Least size in bits. An Ed25519 key is smaller than any.'),
            maxSize: size('Largest size in bits.'),
          },
        },
        'What the key must be.',
        { rules: keyRules },
      ),
    },
  },
  'What must be kept to. What is left out is free.',
);

const selector = struct(
  {
    optional: {
      issuerRef: struct(
        {
          optional: {
            name: text('Pattern of the name of the issuer: any when not set.'),
            kind: text('Pattern of its kind: any when not set.'),
            group: text('Pattern of its API group: any when not set.'),
          },
        },
        'Issuers: {} is every one.',
      ),
      namespace: struct(
        {
          optional: {
            matchNames: list(
              text(),
              'Patterns of names, of which one has to match; any when there are none.',
            ),
            matchLabels: map(text(), 'Labels that the namespace must have.'),
          },
        },
        'Namespaces of requests: {} is every one.',
      ),
    },
  },
  'Requests that the policy is about: both parts have to match.',
  {
    rules: [
      {
        rule: 'has(self.issuerRef) || has(self.__namespace__)',
        message: 'issuerRef or namespace must be given: {} for either selects everything',
        reason: 'FieldValueRequired',
      },
    ],
  },
);

export const certificateRequestPolicySpec = struct(
  {
    required: { selector },
    optional: {
      allowed,
      constraints,
      plugins: map(
        struct({ optional: { values: map(text(), 'What the plugin is told.') } }),
        'Evaluators of their own. None exists here: a policy that names one is not ready.',
      ),
      validations: validations('the request as a whole'),
    },
  },
  'Which certificates may be had.',
);

export const certificateRequestPolicyStatus = struct(
  { optional: { conditions: observedConditions } },
  'Whether it is understood.',
);

export const certificateRequestPolicyCrd: CrdDefinition = {
  resource: certificateRequestPolicies,
  singular: 'certificaterequestpolicy',
  shortNames: ['crp'],
  categories: ['cert-manager'],
  columns: [conditionColumn('Ready', 'Ready'), conditionColumn('Status', 'Ready', 'message'), ageColumn],
  selectableFields: [],
  description:
    'Says which certificates those may have who may "use" it, in requests that its selector matches.',
  spec: certificateRequestPolicySpec,
  status: certificateRequestPolicyStatus,
};
