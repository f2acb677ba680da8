import type { CompiledPolicy } from './compile.ts';
import { type Facts, factsOf, type Surroundings } from './facts.ts';
import type { PolicyRequest } from './policy-request.ts';
import { type Violation, violationText } from './violation.ts';

export { type Surroundings, type Violation, violationText };

/** More than any one certificate needs; every rule is run for each. */
const mostNames = 100;

/** What of the request the policy does not allow; nothing when it may be approved. */
export function evaluate(
  { checks, rules }: CompiledPolicy,
  request: PolicyRequest,
  surroundings: Surroundings,
): readonly Violation[] {
  const facts = factsOf(request, surroundings);
  const names = countNames(facts);
  if (names > mostNames) {
    const allowed = `must have at most ${mostNames} names and attributes of the subject`;
    return [{ field: 'request', value: String(names), allowed, rule: 'a limit of every policy' }];
  }
  rules.restart();
  return checks.flatMap((check) => check(facts));
}

function countNames({ request, subject }: Facts): number {
  const { dnsNames, emailAddresses, ipAddresses, uris } = request.certificate.altNames;
  return subject.length + dnsNames.length + emailAddresses.length + ipAddresses.length + uris.length;
}
