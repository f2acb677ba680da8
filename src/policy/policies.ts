import { choosePolicies, type PolicyBinding } from './choose-policies.ts';
import { evaluate, type Surroundings, violationText } from './evaluate.ts';
import type { CompiledPolicy } from './compile.ts';
import type { KnownPolicy } from './known-policy.ts';
import type { LeftDecision, PolicyDecision, PolicyJudge, PolicyRequest } from './policy-request.ts';

export interface PoliciesOptions {
  readonly surroundings: Surroundings;
}

export interface PoliciesDependencies extends PolicyBinding {
  /** Every policy there is, the default one among them. */
  list(): Iterable<KnownPolicy>;
}

/** A message is for people, and the status of a request holds 32 KiB of it at most. */
const mostViolationsShown = 10;
const mostPoliciesShown = 5;

/** Decides by the policies that apply: the first by name that allows all of the request approves it. */
export class Policies implements PolicyJudge {
  readonly #options: PoliciesOptions;
  readonly #deps: PoliciesDependencies;

  constructor(options: PoliciesOptions, deps: PoliciesDependencies) {
    this.#options = options;
    this.#deps = deps;
  }

  async decide(request: PolicyRequest): Promise<PolicyDecision> {
    const policies = await choosePolicies([...this.#deps.list()], request, this.#deps);
    if (policies.length === 0)
      return leave('no-policy', `no CertificateRequestPolicy applies to ${whose(request)}`);

    const refusals: string[] = [];
    for (const { compilation, name, readiness } of policies) {
      if (readiness !== 'ready' || compilation.outcome === 'invalid') continue;
      const violations = evaluate(compilation.policy, request, this.#options.surroundings);
      if (violations.length === 0) {
        const duration = allowedDuration(compilation.policy, request);
        return { decision: 'approve', policy: name, duration };
      }
      refusals.push(`${name}: ${listText(violations.map(violationText), mostViolationsShown)}`);
    }
    const unknown = policies.filter(({ readiness }) => readiness === 'unknown').map(({ name }) => name);
    if (unknown.length > 0)
      return leave('not-ready', `not yet known to be ready: ${listText(unknown, mostPoliciesShown)}`);
    if (refusals.length === 0) {
      const names = policies.map(({ name }) => name);
      return leave(
        'not-ready',
        `none of the policies that apply is ready: ${listText(names, mostPoliciesShown)}`,
      );
    }
    const message = `no policy that applies to ${whose(request)} allows it. ${listText(refusals, mostPoliciesShown)}`;
    return { decision: 'deny', message };
  }
}

/** As long as was asked for, or less where the policy allows no more and less will do. */
function allowedDuration(
  { maxDuration = Infinity }: CompiledPolicy,
  { certificate: { duration } }: PolicyRequest,
): number | undefined {
  return duration === undefined ? undefined : Math.min(duration, maxDuration);
}

/** For messages: whose right to use policies counts. */
function whose({ namespace, subject }: PolicyRequest): string {
  return `${subject.username} in namespace ${namespace}`;
}

function leave(because: LeftDecision['because'], message: string): PolicyDecision {
  return { decision: 'leave', because, message };
}

function listText(texts: readonly string[], most: number): string {
  const shown = texts.slice(0, most).join('; ');
  return texts.length <= most ? shown : `${shown}; and ${texts.length - most} more`;
}
