import { bundles } from '../bundle.ts';
import { observedConditions } from './conditions.ts';
import type { CrdDefinition } from './definition.ts';
import { ageColumn, conditionColumn } from './definition.ts';
import { labelSelector } from './label-selector.ts';
import { exactlyOne } from './rules.ts';
import { flag, list, map, oneOf, struct, text } from './schema.ts';

const entryKey = text('Entry of the object.', { minLength: 1 });

const sourceObject = (kind: string) =>
  struct(
    {
      optional: {
        name: text('Name of the object. Either it or a selector is given.', { minLength: 1 }),
        selector: labelSelector('Labels of the objects.'),
        key: entryKey,
        includeAllKeys: flag('Take every entry. Not together with a key.'),
      },
    },
    `PEM in a ${kind} of the trust namespace.`,
    {
      atomic: true,
      rules: [
        ...exactlyOne(['name', 'selector'], {
          none: 'one of name and selector must be set',
          several: 'only one of name and selector may be set',
        }),
        {
          rule: 'has(self.key) || (has(self.includeAllKeys) && self.includeAllKeys)',
          message: 'key or includeAllKeys: true must be set',
          reason: 'FieldValueRequired',
        },
        {
          rule: '!has(self.key) || !has(self.includeAllKeys) || !self.includeAllKeys',
          message: 'key must not be set together with includeAllKeys: true',
          reason: 'FieldValueForbidden',
        },
      ],
    },
  );

const sourceIssuer = struct(
  {
    required: {
      name: text('Name of the issuer.', { minLength: 1 }),
      kind: oneOf(['Issuer', 'ClusterIssuer'], 'Kind of the issuer.'),
    },
    optional: { namespace: text('Namespace of an Issuer.', { minLength: 1 }) },
  },
  "What an issuer's certificates are verified against: old and new roots while its CA changes.",
  {
    atomic: true,
    rules: [
      {
        rule: "has(self.__namespace__) == (self.kind == 'Issuer')",
        message: 'must be set for an Issuer, and only for one',
        fieldPath: '.namespace',
      },
    ],
  },
);

/** 1 MiB, as much as an object can have. */
const maxInLineLength = 1_048_576;

const source = struct(
  {
    optional: {
      configMap: sourceObject('ConfigMap'),
      secret: sourceObject('Secret'),
      inLine: text('PEM.', { maxLength: maxInLineLength }),
      useDefaultCAs: flag('The public roots that the controller came with.'),
      issuer: sourceIssuer,
    },
  },
  'Where anchors come from: exactly one of the fields.',
  {
    atomic: true,
    rules: exactlyOne(['configMap', 'secret', 'inLine', 'useDefaultCAs', 'issuer'], {
      none: 'must define exactly one source type for each item but found 0 defined types',
      several: 'must define exactly one source type for each item but found several',
    }),
  },
);

/** Under the groups of trust-manager are the marks that targets are found by. */
const reserved = ['trust.cert-manager.io', 'trust-manager.io'].map((group) => ({
  rule: `self.all(key, !key.startsWith('${group}/'))`,
  message: `keys under ${group}/ are not allowed`,
  reason: 'FieldValueInvalid' as const,
}));
/** Far more than anybody has, for the cost of the rules. */
const ownKeys = { maxProperties: 100, rules: reserved };

const targetTemplate = (kind: string) =>
  struct(
    {
      required: { key: text('Entry with the anchors in PEM.', { minLength: 1 }) },
      optional: {
        metadata: struct(
          {
            optional: {
              annotations: map(text(), 'Annotations of the object.', ownKeys),
              labels: map(text(), 'Labels of the object.', ownKeys),
            },
          },
          'What the object gets beside the marks of the Bundle.',
        ),
      },
    },
    `A ${kind} named like the Bundle in each namespace that is selected.`,
  );

const additionalFormats = struct(
  {
    optional: {
      jks: struct(
        {
          required: { key: entryKey },
          optional: {
            password: text('Password of the store.', { minLength: 1, maxLength: 128, default: 'changeit' }),
          },
        },
        'A trust store of Java, type JKS.',
        { atomic: true },
      ),
      pkcs12: struct(
        {
          required: { key: entryKey },
          optional: {
            password: text('Password of the store; an empty one makes a store without any.', {
              maxLength: 128,
              default: '',
            }),
            profile: oneOf(
              ['LegacyRC2', 'LegacyDES', 'Modern2023'],
              'Algorithms of a store with a password: LegacyRC2 when not set.',
            ),
          },
        },
        'A trust store in PKCS #12.',
        { atomic: true },
      ),
    },
  },
  'What ConfigMap and Secret hold beside PEM.',
  {
    rules: [
      {
        rule: 'has(self.jks) || has(self.pkcs12)',
        message: 'one of jks and pkcs12 must be set',
        reason: 'FieldValueRequired',
      },
      {
        rule: '!has(self.jks) || !has(self.pkcs12) || self.jks.key != self.pkcs12.key',
        message: 'jks and pkcs12 must have different keys',
        reason: 'FieldValueInvalid',
      },
    ],
  },
);

/** No entry of a target can hold two formats. */
const ownEntries = (['configMap', 'secret'] as const).flatMap((target) =>
  (['jks', 'pkcs12'] as const).map((format) => ({
    rule: `!has(self.${target}) || !has(self.additionalFormats) || !has(self.additionalFormats.${format}) || self.additionalFormats.${format}.key != self.${target}.key`,
    message: `additionalFormats.${format}.key must not be the key of ${target}`,
    reason: 'FieldValueInvalid' as const,
  })),
);

const target = struct(
  {
    optional: {
      configMap: targetTemplate('ConfigMap'),
      secret: targetTemplate('Secret'),
      additionalFormats,
      namespaceSelector: labelSelector('Labels of the namespaces; every namespace when not set.'),
      clusterTrustBundle: struct(
        {
          optional: {
            signerName: text(
              'Signer that the ClusterTrustBundle is of. It is named SIGNER:NAME then, with ":" for "/", else like the Bundle.',
              { minLength: 1, maxLength: 571 },
            ),
          },
        },
        'A ClusterTrustBundle, which pods can mount by itself.',
      ),
    },
  },
  'Where the anchors are written to. Volumes can name the Bundle in any case.',
  { rules: ownEntries },
);

const sources = list(source, 'Where anchors come from.', {
  minItems: 1,
  maxItems: 100,
  rules: [
    {
      rule: 'self.filter(source, has(source.useDefaultCAs)).size() <= 1',
      message: 'useDefaultCAs must be in one source at most',
      reason: 'FieldValueForbidden',
    },
    {
      rule: 'self.exists(source, !has(source.useDefaultCAs) || source.useDefaultCAs)',
      message: 'must define at least one source beside useDefaultCAs: false',
      reason: 'FieldValueForbidden',
    },
  ],
});

export const bundleSpec = struct(
  { required: { sources }, optional: { target } },
  'Which anchors, and where to.',
);

export const bundleStatus = struct(
  {
    optional: {
      conditions: observedConditions,
      defaultCAVersion: text('Which public roots useDefaultCAs stands for.'),
    },
  },
  'What was done.',
);

export const bundleCrd: CrdDefinition = {
  resource: bundles,
  singular: 'bundle',
  shortNames: [],
  categories: [],
  columns: [
    { name: 'ConfigMap Target', jsonPath: '.spec.target.configMap.key', type: 'string' },
    { name: 'Secret Target', jsonPath: '.spec.target.secret.key', type: 'string' },
    conditionColumn('Synced', 'Synced'),
    { name: 'Reason', jsonPath: '.status.conditions[?(@.type == "Synced")].reason', type: 'string' },
    ageColumn,
  ],
  selectableFields: [],
  description:
    'Brings trust anchors from several sources to ConfigMaps, Secrets, ClusterTrustBundles and volumes.',
  spec: bundleSpec,
  status: bundleStatus,
};
