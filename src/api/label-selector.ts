import type { LabelSelector, SelectorRequirement } from './core.ts';

/** Whether labels are selected, as the API server decides it; an operator that there is not selects nothing. */
export function selectsLabels(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every((requirement) => meets(requirement, labels))
  );
}

/** As the query parameter of a list or watch; empty for everything. In one order whatever the object's was. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  return [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(requirementText),
  ]
    .toSorted()
    .join(',');
}

function meets(
  { key, operator, values = [] }: SelectorRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = labels[key];
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  if (operator === 'Exists') return value !== undefined;
  return operator === 'DoesNotExist' && value === undefined;
}

function requirementText({ key, operator, values = [] }: SelectorRequirement): string {
  if (operator === 'In') return `${key} in (${values.toSorted().join(',')})`;
  if (operator === 'NotIn') return `${key} notin (${values.toSorted().join(',')})`;
  return operator === 'DoesNotExist' ? `!${key}` : key;
}
