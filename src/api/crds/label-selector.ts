import { list, map, struct, text } from './schema.ts';

/** A meta/v1 LabelSelector. */
export function labelSelector(what: string) {
  return struct(
    {
      optional: {
        matchExpressions: list(
          struct({
            required: {
              key: text('Name of the label.'),
              operator: text('One of In, NotIn, Exists and DoesNotExist.'),
            },
            optional: { values: list(text(), 'For In and NotIn.') },
          }),
          'Requirements that all have to be met.',
        ),
        matchLabels: map(text(), 'Labels that all have to be there with these values.'),
      },
    },
    what,
    { atomic: true },
  );
}
