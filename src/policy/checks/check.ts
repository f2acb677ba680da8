import type { PolicyValidation } from '../../api/certificate-request-policy.ts';
import type { CelInput } from '@bufbuild/cel';
import type { Rule, RuleCompiler, RuleScope } from '../cel/rule-compiler.ts';
import type { Facts } from '../facts.ts';
import { quote, type Violation } from '../violation.ts';

/** Looks at one thing that a request may ask for. */
export type Check = (facts: Facts) => readonly Violation[];

/** Why a policy cannot be used. */
export interface PolicyFault {
  /** As in `spec.allowed.dnsNames.validations[0].rule`. */
  readonly field: string;
  readonly message: string;
}

/** What checks are compiled with. */
export interface CheckContext {
  readonly rules: RuleCompiler;
  /** Told of all that is wrong with the policy. */
  readonly fault: (field: string, message: string) => void;
}

interface CompiledValidation {
  readonly path: string;
  readonly message: string;
  readonly rule: Rule;
}

export function compileValidations(
  validations: readonly PolicyValidation[],
  path: string,
  scope: RuleScope,
  { fault, rules }: CheckContext,
): readonly CompiledValidation[] {
  return validations.flatMap(({ message, rule: source }, index) => {
    const compiled = rules.compile(source, scope);
    if (compiled.outcome === 'invalid') {
      fault(`${path}[${index}].rule`, `${quote(source)} ${compiled.message}`);
      return [];
    }
    const { rule } = compiled;
    return [{ path: `${path}[${index}]`, message: message ?? `failed rule: ${source}`, rule }];
  });
}

/** @param shown of the value that the rules are about, for the message */
export function runValidations(
  validations: readonly CompiledValidation[],
  self: CelInput,
  { bindings }: Facts,
  about: { readonly field: string; readonly shown: string | undefined },
): readonly Violation[] {
  return validations.flatMap(({ message, path, rule }) => {
    const result = rule.test({ ...bindings, self });
    if (result.outcome === 'holds') return [];
    // Why there is no answer may be said with the value, which is the requester's.
    const allowed =
      result.outcome === 'fails'
        ? message
        : `${message}; the rule has no answer here: ${quote(result.message)}`;
    return [{ field: about.field, value: about.shown, allowed, rule: path }];
  });
}
