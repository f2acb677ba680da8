import type {
  PodCertificateRequest,
  PodCertificateRequestStatus,
} from '../../api/pod-certificate-request.ts';
import { isTerminal, podCertificateConditions, shortestLifetime } from '../../api/pod-certificate-request.ts';
import type { Condition } from '../../api/condition.ts';
import { checkEmailAddress, decodeCertificate, decodePem, isPkiError } from '../../pki/index.ts';
import type { Certificate } from '../../pki/index.ts';
import { requestedKey } from './requested-key.ts';

/** The rule of the API server that a status breaks. Closed. */
export type StatusFault =
  | 'conditions' // of an unknown type, not True, more than one, or not well formed
  | 'terminal' // the request has its last status already
  | 'not-empty' // denied or failed, and yet more than conditions
  | 'unchanged' // no last status: nothing else may change
  | 'chain' // not PEM certificates only, or too long
  | 'names' // DNS names or addresses that the API server does not take
  | 'key' // of another key than the requested one
  | 'times' // missing, or other than in the leaf
  | 'not-before' // more than five minutes from the present
  | 'too-short' // a lifetime below an hour
  | 'too-long' // a lifetime of more than what was asked for
  | 'refresh'; // less than ten minutes from either end

export interface StatusFinding {
  readonly fault: StatusFault;
  readonly message: string;
}

const minute = 60_000;
/** Both bounds are excluded. */
const clockTolerance = 5 * minute;
const refreshMargin = 10 * minute;
/** In bytes. */
const maxChainLength = 100 * 1024;

/**
 * Whether the API server takes a status, by all the rules that it has (`ValidatePodCertificateRequestStatusUpdate` of
 * Kubernetes 1.36); undefined when it does.
 *
 * @param request as the API server has it
 * @param now of the API server's clock, in milliseconds since the epoch
 */
export function checkStatus(
  request: PodCertificateRequest,
  status: PodCertificateRequestStatus,
  now: number,
): StatusFinding | undefined {
  const { conditions = [] } = status;
  const badCondition = checkConditions(conditions);
  if (badCondition !== undefined) return fault('conditions', badCondition);
  if (isTerminal(request)) return fault('terminal', 'the request is issued, denied or failed already');
  const [condition] = conditions;
  if (condition === undefined) {
    return hasMore(status) ? fault('unchanged', 'a status without a condition must be empty') : undefined;
  }
  if (condition.type === 'Issued') return checkIssued(request, status, now);
  return hasMore(status)
    ? fault('not-empty', `a status that is ${condition.type} has nothing but the condition`)
    : undefined;
}

function checkIssued(
  request: PodCertificateRequest,
  status: PodCertificateRequestStatus,
  now: number,
): StatusFinding | undefined {
  const { certificateChain = '', notBefore, notAfter, beginRefreshAt } = status;
  if (Buffer.byteLength(certificateChain) > maxChainLength) {
    return fault('chain', `certificateChain has more than ${maxChainLength} bytes`);
  }
  const read = readChain(certificateChain);
  if ('problem' in read) return fault('chain', read.problem);
  const { leaf } = read;

  const { dnsNames, emailAddresses } = leaf.altNames;
  const badName = dnsNames.find((name) => !isAcceptedDnsName(name)) ?? emailAddresses.find(isNoMailbox);
  if (badName !== undefined) return fault('names', `the name ${JSON.stringify(badName)} is not allowed`);
  if (!leaf.publicKey.equals(requestedKey(request.spec).publicKey)) {
    return fault('key', 'the leaf is of another public key than the requested one');
  }

  const times = { notBefore, notAfter, beginRefreshAt };
  const missing = Object.entries(times).find(([, text]) => Number.isNaN(Date.parse(text ?? '')));
  if (missing !== undefined) return fault('times', `${missing[0]} must be set`);
  const [from, to, refresh] = [notBefore, notAfter, beginRefreshAt].map((text) => Date.parse(text ?? ''));
  return checkTimes(request, leaf, { from: from ?? 0, to: to ?? 0, refresh: refresh ?? 0 }, now);
}

function checkTimes(
  { spec }: PodCertificateRequest,
  leaf: Certificate,
  { from, to, refresh }: { readonly from: number; readonly to: number; readonly refresh: number },
  now: number,
): StatusFinding | undefined {
  if (from !== leaf.notBefore.getTime()) return fault('times', "notBefore must be the leaf's");
  if (Math.abs(from - now) >= clockTolerance) {
    return fault('not-before', "notBefore must be within 5 minutes of the API server's time");
  }
  if (to !== leaf.notAfter.getTime()) return fault('times', "notAfter must be the leaf's");
  const lifetime = to - from;
  if (lifetime < shortestLifetime) {
    return fault('too-short', `a lifetime of ${Math.floor(lifetime / 1000)} s is below an hour`);
  }
  const longest = (spec.maxExpirationSeconds ?? 0) * 1000;
  if (lifetime > longest) {
    return fault(
      'too-long',
      `a lifetime of ${lifetime / 1000} s is more than spec.maxExpirationSeconds, ${longest / 1000}`,
    );
  }
  if (refresh < from + refreshMargin || refresh > to - refreshMargin) {
    return fault('refresh', 'beginRefreshAt must be 10 minutes after notBefore and before notAfter');
  }
  return undefined;
}

/** `metav1.Condition` and what this resource adds; undefined when all is well. */
function checkConditions(conditions: readonly Condition[]): string | undefined {
  if (conditions.length > 1) return 'there may be only one condition';
  const [condition] = conditions;
  if (condition === undefined) return undefined;
  const { type, status, reason = '', message = '', lastTransitionTime = '' } = condition;
  if (!(podCertificateConditions as readonly string[]).includes(type)) return `type "${type}" is unknown`;
  if (status !== 'True') return `status must be True, not ${status}`;
  if (!/^[A-Za-z](?:[A-Za-z0-9_,:]*[A-Za-z0-9_])?$/.test(reason) || reason.length > 1024) {
    return `reason "${reason}" is not one word of at most 1024 characters`;
  }
  if (Buffer.byteLength(message) > 32_768) return 'message has more than 32768 bytes';
  return Number.isNaN(Date.parse(lastTransitionTime)) ? 'lastTransitionTime must be set' : undefined;
}

function hasMore(status: PodCertificateRequestStatus): boolean {
  const { conditions: _, ...rest } = status;
  return Object.values(rest).some((value) => value !== undefined && value !== '');
}

function readChain(pem: string): { readonly leaf: Certificate } | { readonly problem: string } {
  try {
    const certificates = decodePem(pem, 'certificateChain', maxChainLength).map(({ label, der }) =>
      label === 'CERTIFICATE' ? decodeCertificate(der) : undefined,
    );
    const [leaf] = certificates;
    return leaf === undefined || certificates.includes(undefined)
      ? { problem: 'certificateChain has other PEM blocks than CERTIFICATE' }
      : { leaf };
  } catch (error) {
    if (isPkiError(error)) return { problem: error.message };
    throw error;
  }
}

function isAcceptedDnsName(name: string): boolean {
  return name !== '' && !name.includes('..') && !name.startsWith('.') && !name.endsWith('.');
}

/** Stricter than the API server, which takes quoted ones and display names too. */
function isNoMailbox(address: string): boolean {
  try {
    checkEmailAddress(address);
    return false;
  } catch (error) {
    if (isPkiError(error)) return true;
    throw error;
  }
}

function fault(reason: StatusFault, message: string): StatusFinding {
  return { fault: reason, message };
}
