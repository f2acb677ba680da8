import type { Schema, SchemaOf, ValidationRule } from './schema.ts';
import { integer, listByKey, oneOf, struct, text, time } from './schema.ts';

const fields = {
  required: {
    type: text('What the finding is about; one condition of each type.'),
    status: oneOf(['True', 'False', 'Unknown'], 'Whether it is so.'),
  },
  optional: {
    reason: text('Why, in one CamelCase word for programs.'),
    message: text('Why, in words for people.'),
    lastTransitionTime: time('When the status last became another.'),
  },
} as const;

const description = 'What the controllers found, one condition of each type.';

type ConditionsSchema<Condition> = SchemaOf<Condition[]> & Schema;
type PlainCondition = {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
};

/** Conditions of a kind whose spec never changes. */
export function plainConditions(
  itemRules: readonly ValidationRule[],
  listRules: readonly ValidationRule[],
): ConditionsSchema<PlainCondition> {
  return listByKey('type', struct(fields, undefined, { rules: itemRules }), description, listRules);
}

/** Conditions that say which generation of the spec they are about. */
export const observedConditions = listByKey(
  'type',
  struct({
    required: fields.required,
    optional: {
      ...fields.optional,
      observedGeneration: integer('int64', 'metadata.generation of the spec that this was found about.'),
    },
  }),
  description,
);
