import type { ValidationRule } from './schema.ts';

/** Two rules, so that each case has its own message: at most one of these fields of an object, and at least one. */
export function exactlyOne(
  fields: readonly string[],
  messages: { readonly none: string; readonly several: string },
): ValidationRule[] {
  const count = fields.map((field) => `(has(self.${field}) ? 1 : 0)`).join(' + ');
  return [
    { rule: `${count} <= 1`, message: messages.several, reason: 'FieldValueForbidden' },
    { rule: `${count} >= 1`, message: messages.none, reason: 'FieldValueRequired' },
  ];
}
