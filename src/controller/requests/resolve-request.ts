import { parseRequest } from '../../pki/index.ts';
import type { ParsedRequest } from '../../pki/index.ts';
import type { CertificateRequest } from '../../api/certificate-request.ts';
import { certmountGroup } from '../../api/groups.ts';
import { resolveIssuerReference } from '../../api/issuer-reference.ts';
import type { Approver } from '../approval/approver.ts';
import { issuerKeyText, referencedIssuer } from '../issuers/issuer-key.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import type { IssuerState, ReadyIssuer } from '../issuers/issuer-state.ts';
import type { SignWarning } from '../issuers/signer.ts';
import { checkRequest } from './check-request.ts';
import type { CheckedRequest } from './check-request.ts';
import { foreignProblem } from './foreign-problem.ts';
import type { RequestOutcome, Verdict } from './outcome.ts';
import { isForeign, phaseOf } from './phase.ts';
import type { RequestProblem } from './problem.ts';

export interface ResolveDependencies {
  readonly now: () => number;
  readonly approver: Approver;
  readonly issuer: (key: IssuerKey) => IssuerState | undefined;
  readonly onWarning: (request: CertificateRequest, warning: SignWarning) => void;
}

/** Approval and result of a request at this moment, from its issuer's state; writes nothing. */
export async function resolveRequest(
  request: CertificateRequest,
  deps: ResolveDependencies,
): Promise<RequestOutcome> {
  const parse = parseOnce(request);
  switch (phaseOf(request)) {
    case 'not-ours':
    case 'final':
      return { outcome: 'leave' };
    case 'denied':
      return { outcome: 'denied' };
    case 'approved':
      return resolveApproved(request, parse, undefined, deps);
    case 'foreign':
    case 'unapproved': {
      const decision = await deps.approver.decide({ request, csr: parse });
      if (decision.decision === 'leave') return { outcome: 'unapproved', message: decision.message };
      const { reason, message } = decision;
      const verdict = { reason, message };
      const isDenied = decision.decision === 'deny';
      if (isForeign(request)) return decideForeign(request, parse, isDenied, verdict);
      return isDenied ? { outcome: 'denied', verdict } : resolveApproved(request, parse, verdict, deps);
    }
  }
}

/** Nothing here looks at the request after an approval: what the check would find then is denied. */
function decideForeign(
  request: CertificateRequest,
  parse: () => ParsedRequest,
  isDenied: boolean,
  verdict: Verdict,
): RequestOutcome {
  const problem = isDenied ? undefined : foreignProblem(request, parse);
  if (problem === undefined)
    return { outcome: 'decided', decision: isDenied ? 'Denied' : 'Approved', verdict };
  return { outcome: 'decided', decision: 'Denied', verdict: { reason: certmountGroup, message: problem } };
}

async function resolveApproved(
  request: CertificateRequest,
  parse: () => ParsedRequest,
  approval: Verdict | undefined,
  deps: ResolveDependencies,
): Promise<RequestOutcome> {
  const approved = approval ? { approval } : {};
  const checked = checkRequest(request, parse);
  if (!checked.valid)
    return { outcome: 'problem', ...approved, problem: 'InvalidRequest', message: checked.message };

  const found = findIssuer(request, deps);
  if (found.found === 'loading') return { outcome: 'hold' };
  if (found.found === 'problem') {
    return { outcome: 'problem', ...approved, problem: found.problem, message: found.message };
  }
  const result = await signWith(found.issuer, request, checked, deps);
  return { ...approved, ...result };
}

async function signWith(
  issuer: ReadyIssuer,
  request: CertificateRequest,
  checked: CheckedRequest,
  deps: ResolveDependencies,
): Promise<RequestOutcome> {
  const result = await issuer.signer.sign({ request, checked, now: deps.now() });
  if (result.result === 'problem') {
    const { problem, message, awaits } = result;
    return { outcome: 'problem', problem, message, ...(awaits && { awaits }) };
  }
  if (result.warning) deps.onWarning(request, result.warning);
  return { outcome: 'issued', issued: result.issued };
}

type FoundIssuer =
  | { readonly found: 'ready'; readonly issuer: ReadyIssuer }
  | { readonly found: 'loading' }
  | { readonly found: 'problem'; readonly problem: RequestProblem; readonly message: string };

function findIssuer(request: CertificateRequest, deps: ResolveDependencies): FoundIssuer {
  const { name, kind } = resolveIssuerReference(request.spec.issuerRef);
  const key = referencedIssuer(request.spec.issuerRef, request.metadata.namespace ?? '');
  if (!key) {
    const message = `Missing issuer type: spec.issuerRef.kind "${kind}" must be one of Issuer or ClusterIssuer`;
    return { found: 'problem', problem: 'IssuerTypeMissing', message };
  }
  const state = deps.issuer(key);
  switch (state?.state) {
    case undefined: {
      const message = `Referenced "${kind}" not found: ${kind.toLowerCase()}.cert-manager.io "${name}" not found`;
      return { found: 'problem', problem: 'IssuerNotFound', message };
    }
    case 'loading':
      return { found: 'loading' };
    case 'typeless': {
      const message = `Missing issuer type: no issuer specified for ${issuerKeyText(key)}`;
      return { found: 'problem', problem: 'IssuerTypeMissing', message };
    }
    case 'not-supported': {
      const message = `Referenced issuer is of type ${state.type}, which this version of certmount does not support`;
      return { found: 'problem', problem: 'IssuerTypeNotSupported', message };
    }
    case 'not-ready': {
      // The cause is on the issuer: it may speak of Secrets that the requester has no business with.
      const message = `Referenced issuer does not have a Ready status condition (${state.reason})`;
      return { found: 'problem', problem: 'IssuerNotReady', message };
    }
    case 'ready':
      return { found: 'ready', issuer: state };
  }
}

/** An approver may need the CSR, the check always does: its signature is verified once. */
function parseOnce(request: CertificateRequest): () => ParsedRequest {
  let parsed: ParsedRequest | undefined;
  return () => (parsed ??= parseRequest(Buffer.from(request.spec.request, 'base64').toString('latin1')));
}
