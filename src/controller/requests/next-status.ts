import type { CertificateRequestStatus } from '../../api/certificate-request.ts';
import { getCondition, setCondition } from '../../api/condition.ts';
import type { ConditionStatus } from '../../api/condition.ts';
import { formatTime } from '../../api/time.ts';
import type { RequestOutcome, Verdict } from './outcome.ts';
import { problems } from './problem.ts';

const issuedMessage = 'Certificate fetched from issuer successfully';
const deniedMessage = 'The CertificateRequest was denied by an approval controller';

/**
 * The status that says an outcome.
 *
 * @returns undefined when the present status says it already, or there is nothing to say
 */
export function nextStatus(
  present: CertificateRequestStatus | undefined,
  outcome: RequestOutcome,
  now: number,
): CertificateRequestStatus | undefined {
  const change = new StatusChange(present, now);
  switch (outcome.outcome) {
    case 'leave':
    case 'unapproved':
    case 'hold':
      return undefined;
    case 'decided':
      change.verdict(outcome.decision, outcome.verdict);
      break;
    case 'denied':
      change.verdict('Denied', outcome.verdict);
      change.set('Ready', 'False', 'Denied', deniedMessage);
      change.failed();
      break;
    case 'issued':
      change.verdict('Approved', outcome.approval);
      change.set('Ready', 'True', 'Issued', issuedMessage);
      change.issued(outcome.issued.certificate, outcome.issued.ca);
      break;
    case 'problem': {
      const row = problems[outcome.problem];
      change.verdict('Approved', outcome.approval);
      if (row.invalidRequest) change.set('InvalidRequest', 'True', outcome.problem, outcome.message);
      change.set('Ready', 'False', row.ready, outcome.message);
      if (row.ready === 'Failed') change.failed();
      break;
    }
  }
  return change.result();
}

class StatusChange {
  #status: CertificateRequestStatus;
  #changed = false;
  readonly #now: number;

  constructor(present: CertificateRequestStatus | undefined, now: number) {
    this.#status = { ...present };
    this.#now = now;
  }

  verdict(type: 'Approved' | 'Denied', verdict: Verdict | undefined): void {
    if (verdict !== undefined) this.set(type, 'True', verdict.reason, verdict.message);
  }

  set(type: string, status: ConditionStatus, reason: string, message: string): void {
    const before = getCondition(this.#status.conditions, type);
    if (before?.status === status && before.reason === reason && before.message === message) return;
    const conditions = setCondition(this.#status.conditions, { type, status, reason, message }, this.#now);
    this.#status = { ...this.#status, conditions };
    this.#changed = true;
  }

  failed(): void {
    if (this.#status.failureTime !== undefined) return;
    this.#status = { ...this.#status, failureTime: formatTime(this.#now) };
    this.#changed = true;
  }

  issued(certificate: string, ca: string | undefined): void {
    this.#status = { ...this.#status, certificate: base64(certificate), ...(ca && { ca: base64(ca) }) };
    this.#changed = true;
  }

  result(): CertificateRequestStatus | undefined {
    return this.#changed ? this.#status : undefined;
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
