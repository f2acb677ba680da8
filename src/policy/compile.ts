import type {
  CertificateRequestPolicy,
  CertificateRequestPolicySpec,
  PolicyValidation,
} from '../api/certificate-request-policy.ts';
import { RuleCompiler } from './cel/rule-compiler.ts';
import { allowedChecks } from './checks/allowed-checks.ts';
import {
  type Check,
  type CheckContext,
  compileValidations,
  type PolicyFault,
  runValidations,
} from './checks/check.ts';
import { compileConstraints } from './checks/constraints-checks.ts';
import { requestBinding } from './facts.ts';
import { requestScope } from './rule-scopes.ts';

export type { PolicyFault };

/** A policy that can decide. */
export interface CompiledPolicy {
  readonly name: string;
  readonly checks: readonly Check[];
  readonly rules: RuleCompiler;
  /** Milliseconds. */
  readonly maxDuration: number | undefined;
}

export type Compilation =
  | { readonly outcome: 'compiled'; readonly policy: CompiledPolicy }
  | { readonly outcome: 'invalid'; readonly faults: readonly PolicyFault[] };

/** Reads all of a policy once: what is wrong with it is known before any request comes. */
export function compile({ metadata, spec }: CertificateRequestPolicy): Compilation {
  const faults: PolicyFault[] = [];
  const context: CheckContext = {
    rules: new RuleCompiler(),
    fault: (field, message) => faults.push({ field, message }),
  };
  checkSelector(spec, context);
  for (const plugin of Object.keys(spec.plugins ?? {}))
    context.fault(`spec.plugins.${plugin}`, 'there is no such plugin: none is built in');
  const allowed = allowedChecks(spec.allowed ?? {}, context);
  const constraints = compileConstraints(spec.constraints ?? {}, context);
  const checks = [...allowed, ...constraints.checks, requestCheck(spec.validations ?? [], context)];
  if (faults.length > 0) return { outcome: 'invalid', faults };
  const { maxDuration } = constraints;
  return {
    outcome: 'compiled',
    policy: { name: metadata.name ?? '', checks, rules: context.rules, maxDuration },
  };
}

function checkSelector({ selector }: CertificateRequestPolicySpec, { fault }: CheckContext): void {
  if (selector.issuerRef === undefined && selector.namespace === undefined)
    fault('spec.selector', 'issuerRef or namespace must be given: {} for either selects everything');
}

function requestCheck(validations: readonly PolicyValidation[], context: CheckContext): Check {
  const rules = compileValidations(validations, 'spec.validations', requestScope, context);
  const about = { field: 'request', shown: undefined };
  return (facts) =>
    rules.length === 0 ? [] : runValidations(rules, { ...requestBinding(facts) }, facts, about);
}
