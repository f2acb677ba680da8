import { defaultDuration } from '../../api/certificate-request.ts';
import { signingRequestAnnotations } from '../../api/certificate-signing-request.ts';
import type { CertificateSigningRequest } from '../../api/certificate-signing-request.ts';
import { formatDuration, parseDuration } from '../../api/duration.ts';
import { ApiError } from '../../api/errors.ts';
import type { ObjectKey, ObjectMeta } from '../../kube/index.ts';
import { parseRequest } from '../../pki/index.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import type { IssuerState } from '../issuers/issuer-state.ts';
import { privateKeyAnnotation } from '../issuers/selfsigned/selfsigned-signer.ts';
import type { SignResult } from '../issuers/signer.ts';
import { checkRequest } from '../requests/check-request.ts';
import type { RequestCheck } from '../requests/check-request.ts';
import { problems } from '../requests/problem.ts';
import { phaseOf } from './signing-request-phase.ts';

/**
 * Why a request has no certificate: Event reasons, and of those that are final the reason of the condition Failed, as
 * cert-manager's users know them. Closed.
 */
export type SigningRequestProblem =
  | 'WaitingApproval'
  | 'IssuerNotFound'
  | 'IssuerTypeMissing'
  | 'IssuerTypeNotSupported'
  | 'IssuerNotReady'
  | 'DeniedReference'
  | 'ErrorParseDuration'
  | 'InvalidDuration'
  | 'MissingAnnotation'
  | 'SecretNotFound'
  | 'ErrorGettingSecret'
  | 'ErrorParsingKey'
  | 'ErrorKeyMatch'
  | 'ErrorGenerating' // SelfSigned; of other issuers SigningError
  | 'ErrorSigning'
  | 'SigningError';

/** What one look at a request came to. */
export type SigningRequestOutcome =
  /** Nothing to do, or nothing is known yet. */
  | { readonly outcome: 'leave' }
  | { readonly outcome: 'issued'; /** PEM. */ readonly certificate: string; readonly note: string }
  | { readonly outcome: 'failed'; readonly reason: SigningRequestProblem; readonly message: string }
  | {
      readonly outcome: 'waiting';
      readonly reason: SigningRequestProblem;
      readonly message: string;
      /** What the wait ends with, beside a change of the request or its issuer. */
      readonly until?: ObjectKey | 'looked-again';
    };

export interface SigningRequestOptions {
  /** Where the Secrets of ClusterIssuers are. */
  readonly clusterResourceNamespace: string;
}

export interface SigningRequestDependencies {
  readonly now: () => number;
  readonly issuer: (key: IssuerKey) => IssuerState | undefined;
  /** Throws KubeError when there is no answer. */
  readonly mayReference: (
    request: CertificateSigningRequest,
    issuer: Extract<IssuerKey, { kind: 'Issuer' }>,
  ) => Promise<boolean>;
}

/** As cert-manager's two controllers for them have it. */
const wordsOf = {
  authority: {
    generating: 'SigningError',
    signing: 'SigningError',
    issued: 'Certificate fetched from issuer successfully',
  },
  'own-key': {
    generating: 'ErrorGenerating',
    signing: 'ErrorSigning',
    issued: 'Certificate self signed successfully',
  },
} as const;

/** As long as the API server asks of spec.expirationSeconds. */
const shortestDuration = 600_000;

/** Answer to a request at this moment, by cert-manager's rules and in its order; writes nothing. */
export async function resolveSigningRequest(
  request: CertificateSigningRequest,
  options: SigningRequestOptions,
  deps: SigningRequestDependencies,
): Promise<SigningRequestOutcome> {
  const phase = phaseOf(request);
  if (phase.phase === 'not-ours' || phase.phase === 'final') return { outcome: 'leave' };
  const { issuer } = phase;
  if (phase.phase === 'unapproved') {
    return waiting('WaitingApproval', 'Waiting for the Approved condition before issuing');
  }
  const state = deps.issuer(issuer);
  if (state?.state === 'loading') return { outcome: 'leave' };
  const missing = issuerProblem(issuer, state);
  if (missing) return missing;
  if (issuer.kind === 'Issuer' && !(await deps.mayReference(request, issuer))) {
    return failed('DeniedReference', `Requester may not reference Namespaced Issuer ${textOf(issuer)}`);
  }
  const duration = durationOf(request);
  if (typeof duration !== 'number') return duration;
  if (state?.state !== 'ready') {
    const message = `Referenced ${issuer.kind} ${textOf(issuer)} does not have a Ready status condition`;
    return waiting('IssuerNotReady', message);
  }

  const checked = check(request, issuer, duration);
  const words = wordsOf[state.signer.signsWith];
  if (!checked.valid)
    return failed(words.generating, `Error generating certificate template: ${checked.message}`);
  const metadata = signingMetadata(request, issuer, options);
  const result = await state.signer.sign({ request: { metadata }, checked, now: deps.now() });
  if (result.result === 'problem') return signingProblem(result, words.signing);
  return { outcome: 'issued', certificate: result.issued.certificate, note: words.issued };
}

function issuerProblem(issuer: IssuerKey, state: IssuerState | undefined): SigningRequestOutcome | undefined {
  const referenced = `Referenced ${issuer.kind} ${textOf(issuer)}`;
  switch (state?.state) {
    case undefined:
      return waiting('IssuerNotFound', `${referenced} not found`);
    case 'typeless':
      return waiting('IssuerTypeMissing', `${referenced} is missing type`);
    case 'not-supported':
      return waiting(
        'IssuerTypeNotSupported',
        `${referenced} is of type ${state.type}, which this version of certmount does not support`,
      );
    case 'loading':
    case 'not-ready':
    case 'ready':
      return undefined;
  }
}

/** Milliseconds, or what is wrong with them. */
function durationOf({ metadata, spec }: CertificateSigningRequest): number | SigningRequestOutcome {
  const { duration: key } = signingRequestAnnotations;
  const annotated = metadata.annotations?.[key];
  const { expirationSeconds } = spec;
  const text = annotated ?? (expirationSeconds === undefined ? defaultDuration : `${expirationSeconds}s`);
  try {
    const duration = parseDuration(text);
    if (duration >= shortestDuration) return duration;
    const [least, asked] = [formatDuration(shortestDuration), formatDuration(duration)];
    return failed(
      'InvalidDuration',
      `CertificateSigningRequest minimum allowed duration is ${least}, requested ${asked}`,
    );
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const where = `failed to parse requested duration on annotation "${key}"`;
    return failed('ErrorParseDuration', `Failed to parse requested duration: ${where}: ${error.message}`);
  }
}

/** By the same rules as a CertificateRequest, as which it is written here. */
function check(
  { metadata, spec }: CertificateSigningRequest,
  { kind, name }: IssuerKey,
  duration: number,
): RequestCheck {
  const isCA = metadata.annotations?.[signingRequestAnnotations.isCA] === 'true';
  const request = {
    metadata,
    spec: {
      request: spec.request,
      issuerRef: { name, kind },
      isCA,
      duration: formatDuration(duration),
      ...(spec.usages && { usages: spec.usages }),
    },
  };
  return checkRequest(request, () => parseRequest(Buffer.from(spec.request, 'base64').toString('latin1')));
}

/** What a signer looks at of a CertificateRequest: the Secret of a SelfSigned issuer's request is where the issuer's are. */
function signingMetadata(
  { metadata }: CertificateSigningRequest,
  issuer: IssuerKey,
  { clusterResourceNamespace }: SigningRequestOptions,
): ObjectMeta {
  const { name = '', uid = '' } = metadata;
  const namespace = issuer.kind === 'Issuer' ? issuer.namespace : clusterResourceNamespace;
  const secret = metadata.annotations?.[signingRequestAnnotations.privateKeySecret];
  return {
    name,
    uid,
    namespace,
    ...(secret !== undefined && { annotations: { [privateKeyAnnotation]: secret } }),
  };
}

function signingProblem(
  { awaits, message, problem }: Extract<SignResult, { result: 'problem' }>,
  signing: SigningRequestProblem,
): SigningRequestOutcome {
  const until = awaits ?? 'looked-again';
  const secret = `${awaits?.namespace ?? ''}/${awaits?.name ?? ''}`;
  switch (problem) {
    case 'MissingAnnotation': {
      const { privateKeySecret } = signingRequestAnnotations;
      return failed('MissingAnnotation', `Missing private key reference annotation: "${privateKeySecret}"`);
    }
    case 'MissingSecret':
      return {
        outcome: 'waiting',
        reason: 'SecretNotFound',
        message: `Referenced Secret ${secret} not found`,
        until,
      };
    case 'ErrorGettingSecret':
      return { outcome: 'waiting', reason: problem, message, until };
    case 'ErrorParsingKey': {
      const failure = `Failed to parse signing key from secret ${secret}`;
      return { outcome: 'waiting', reason: problem, message: failure, until };
    }
    case 'ErrorKeyMatch':
      return failed('ErrorKeyMatch', 'Referenced private key in Secret does not match that in the request');
    default:
      return problems[problem].ready === 'Failed'
        ? failed(signing, message)
        : { outcome: 'waiting', reason: signing, message, until };
  }
}

/** As cert-manager writes it: with a slash, also where there is no namespace. */
function textOf(issuer: IssuerKey): string {
  return `${issuer.kind === 'Issuer' ? issuer.namespace : ''}/${issuer.name}`;
}

function waiting(reason: SigningRequestProblem, message: string): SigningRequestOutcome {
  return { outcome: 'waiting', reason, message };
}

function failed(reason: SigningRequestProblem, message: string): SigningRequestOutcome {
  return { outcome: 'failed', reason, message };
}
