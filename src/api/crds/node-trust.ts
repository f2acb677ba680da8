import { mostAppliedSets, nodeTrusts } from '../node-trust.ts';
import type { CrdDefinition } from './definition.ts';
import { ageColumn } from './definition.ts';
import { integer, list, struct, text } from './schema.ts';

const appliedAnchorSet = struct({
  required: {
    name: text('Name of the AnchorSet.', { minLength: 1, maxLength: 253 }),
    hash: text('What every volume has: of an earlier state while one of them lacks the present one.', {
      pattern: '^([0-9a-f]{16})?$',
    }),
    volumes: integer('int32', 'Volumes that trust this set.', { minimum: 0 }),
    behind: integer('int32', 'Volumes that could not be given the present anchors so far.', { minimum: 0 }),
  },
});

export const nodeTrustSpec = struct(
  {
    required: {
      nodeName: text('The node.', { minLength: 1, maxLength: 253 }),
      driverName: text('The CSI driver.', { minLength: 1, maxLength: 63 }),
      sets: list(appliedAnchorSet, 'Those that some volume of the node trusts.', {
        maxItems: mostAppliedSets,
      }),
    },
  },
  'What the volumes have.',
  {
    rules: [
      {
        rule: 'self.nodeName == oldSelf.nodeName && self.driverName == oldSelf.driverName',
        message: 'nodeName and driverName cannot change',
        reason: 'FieldValueForbidden',
      },
    ],
  },
);

export const nodeTrustCrd: CrdDefinition = {
  resource: nodeTrusts,
  singular: 'nodetrust',
  shortNames: [],
  categories: ['certmount'],
  columns: [
    { name: 'Node', jsonPath: '.spec.nodeName', type: 'string' },
    { name: 'Driver', jsonPath: '.spec.driverName', type: 'string' },
    { name: 'Sets', jsonPath: '.spec.sets[*].name', type: 'string' },
    { name: 'Behind', jsonPath: '.spec.sets[?(@.behind > 0)].name', type: 'string' },
    ageColumn,
  ],
  selectableFields: [],
  description:
    'Which anchor sets the volumes of one driver on one node have: counted before a new CA signs. Written by the driver.',
  spec: nodeTrustSpec,
};
