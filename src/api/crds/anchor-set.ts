import { anchorSets } from '../anchor-set.ts';
import { observedConditions } from './conditions.ts';
import type { CrdDefinition } from './definition.ts';
import { ageColumn, conditionColumn } from './definition.ts';
import { integer, list, struct, text, time } from './schema.ts';

/** 1 MiB, as with a ClusterTrustBundle. Issuers have far less: see roomFor of the controller. */
const maxAnchorsLength = 1_048_576;

export const anchorSetSpec = struct(
  {
    required: {
      source: text('Whose anchors: "ClusterIssuer/NAME", "Issuer/NAMESPACE/NAME" or "Bundle/NAME".', {
        pattern: '^(Bundle|ClusterIssuer|Issuer/[^/]+)/[^/]+$',
        maxLength: 325,
      }),
      anchors: text('PEM of the certificates to trust; empty when there is none.', {
        maxLength: maxAnchorsLength,
      }),
      sequence: integer('int64', 'Higher at each change of the anchors: spiffe_sequence.', { minimum: 1 }),
    },
    optional: {
      trustDomain: text('SPIFFE trust domain whose identities these anchors verify.', {
        minLength: 1,
        maxLength: 255,
      }),
      refreshHintSeconds: integer('int32', 'How soon a reader should look again: spiffe_refresh_hint.', {
        minimum: 1,
      }),
      reissueBefore: time('Certificates of this issuer from before this time are renewed at once.'),
      reissueSeconds: integer('int32', 'Over how long those renewals are spread.', { minimum: 0 }),
    },
  },
  'What verifiers on every node are given.',
);

export const anchorSetStatus = struct(
  {
    optional: {
      conditions: observedConditions,
      coverage: struct(
        {
          required: {
            nodes: integer('int32', 'Nodes with volumes that trust this set.'),
            covered: integer('int32', 'Those of them whose volumes all have it.'),
          },
          optional: { missing: list(text(), 'Names of the first ten of the others.') },
        },
        'How far the anchors have come.',
      ),
    },
  },
  'Which nodes have it.',
);

export const anchorSetCrd: CrdDefinition = {
  resource: anchorSets,
  singular: 'anchorset',
  shortNames: [],
  categories: ['certmount'],
  columns: [
    { name: 'Source', jsonPath: '.spec.source', type: 'string' },
    { name: 'Sequence', jsonPath: '.spec.sequence', type: 'integer' },
    { name: 'Nodes', jsonPath: '.status.coverage.nodes', type: 'integer' },
    { name: 'Covered', jsonPath: '.status.coverage.covered', type: 'integer' },
    conditionColumn('Rotating', 'Rotating'),
    { name: 'Trust domain', jsonPath: '.spec.trustDomain', type: 'string', priority: 1 },
    conditionColumn('Status', 'Rotating', 'message'),
    ageColumn,
  ],
  selectableFields: [],
  description:
    'What verifiers are to trust, of one issuer or one Bundle, on its way to the volumes of all nodes. ' +
    'Written by the controller alone.',
  spec: anchorSetSpec,
  status: anchorSetStatus,
};
