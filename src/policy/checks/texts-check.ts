import type { AllowedText, AllowedTexts } from '../../api/certificate-request-policy.ts';
import type { Facts } from '../facts.ts';
import { valueScope } from '../rule-scopes.ts';
import { quote, type Violation } from '../violation.ts';
import { matchesSome } from '../wildcard.ts';
import { type Check, type CheckContext, compileValidations, runValidations } from './check.ts';

/** Something that a request may have several of. */
export interface TextsField {
  /** As in the policy, below `spec.allowed`. */
  readonly field: string;
  /** What the request has of it. */
  readonly values: (facts: Facts) => readonly string[];
}

const mostPatternsShown = 10;

/** Each value has to match one of the patterns, where there are any, and every rule; without both none is allowed. */
export function textsCheck(
  { field, values }: TextsField,
  allowed: AllowedTexts | undefined,
  context: CheckContext,
  patternsField = 'values',
): Check {
  const path = `spec.allowed.${field}`;
  const { required = false, validations = [], values: patterns } = allowed ?? {};
  const rules = compileValidations(validations, `${path}.validations`, valueScope, context);
  const allowsNone = patterns === undefined && validations.length === 0;
  if (required && allowsNone)
    context.fault(
      `${path}.${patternsField}`,
      `or validations must be given, because ${field} is required and could have no value without them`,
    );

  return (facts) => {
    const present = values(facts);
    if (present.length === 0) {
      const missing = { field, value: undefined, allowed: 'must be given', rule: `${path}.required` };
      return required ? [missing] : [];
    }
    return present.flatMap((value): readonly Violation[] => {
      if (allowsNone) return [{ field, value, allowed: 'none is allowed', rule: path }];
      const violations = [...runValidations(rules, value, facts, { field, shown: value })];
      if (patterns !== undefined && !matchesSome(patterns, value))
        violations.unshift({
          field,
          value,
          allowed: oneOf(patterns),
          rule: `${path}.${patternsField}`,
        });
      return violations;
    });
  };
}

/** The same where the policy has one pattern. */
export function textCheck(field: TextsField, allowed: AllowedText | undefined, context: CheckContext): Check {
  const { value, ...rest } = allowed ?? {};
  return textsCheck(field, { ...rest, ...(value !== undefined && { values: [value] }) }, context, 'value');
}

function oneOf(patterns: readonly string[]): string {
  if (patterns.length === 0) return 'none is allowed';
  const shown = patterns.slice(0, mostPatternsShown).map(quote).join(', ');
  const rest = patterns.length - mostPatternsShown;
  return `must be ${patterns.length === 1 ? '' : 'one of '}${shown}${rest > 0 ? ` and ${rest} more` : ''}`;
}
