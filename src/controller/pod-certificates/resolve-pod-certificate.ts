import { certManagerGroup } from '../../api/issuer-reference.ts';
import { invalidUserAnnotations, unsupportedKeyType } from '../../api/pod-certificate-request.ts';
import type { PodCertificateRequest } from '../../api/pod-certificate-request.ts';
import { toUsages } from '../../api/usages.ts';
import { isPkiError } from '../../pki/index.ts';
import { parseUserAnnotations, podCertificateOf, serviceAccountSubject } from '../../policy/index.ts';
import type { PolicyJudge, PolicyPod, PolicyRequest, RequestedCertificate } from '../../policy/index.ts';
import type { FactSources } from '../approval/facts/facts.ts';
import { judgeForPod } from '../approval/judge-for-pod.ts';
import type { PodVerdict } from '../approval/judge-for-pod.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import type { CheckedRequest } from '../requests/check-request.ts';
import { findIssuer } from './find-issuer.ts';
import type { FindIssuerDependencies } from './find-issuer.ts';
import { issuedOutcome } from './issued-outcome.ts';
import type { PodCertificateOutcome, WaitReason } from './pod-certificate-outcome.ts';
import { requestedKey } from './requested-key.ts';
import type { RequestedKey } from './requested-key.ts';

export interface PodCertificateOptions {
  readonly trustDomain: string;
  readonly clusterDomain: string;
}

export interface PodCertificateDependencies extends FindIssuerDependencies {
  readonly now: () => number;
  readonly random: () => number;
  readonly judge: PolicyJudge;
  readonly facts: FactSources;
}

/**
 * A denial is final for a kubelet, and what allows the request may be on its way: the policy that was applied together with the
 * Deployment, a binding that the authorizer has not seen, the Service whose name is asked for.
 */
const denialWaitMs = 30_000;

/**
 * Answer to a request at this moment; writes nothing.
 *
 * @param seenAt when this process first saw it, in milliseconds since the epoch
 */
export async function resolvePodCertificate(
  request: PodCertificateRequest,
  seenAt: number,
  options: PodCertificateOptions,
  deps: PodCertificateDependencies,
): Promise<PodCertificateOutcome> {
  const { spec } = request;
  const { namespace = '' } = request.metadata;
  const key = readKey(request);
  if (typeof key === 'string') return { outcome: 'denied', reason: unsupportedKeyType, message: key };
  const asked = parseUserAnnotations(spec, namespace);
  if (!asked.valid) return { outcome: 'denied', reason: invalidUserAnnotations, message: asked.message };

  const found = findIssuer(spec.signerName, namespace, deps);
  if (found.found === 'loading') return { outcome: 'hold' };
  if (found.found === 'missing') return waiting(found.reason, found.message);

  const certificate = podCertificateOf(request, asked, key.spec, options.trustDomain);
  const verdict = await judge(request, found.issuer, certificate, options, deps);
  if (!verdict.proven) {
    if (verdict.failure === 'pod-finished')
      return { outcome: 'denied', reason: 'PodFinished', message: verdict.message };
    return waiting('PodGone', verdict.message);
  }
  const { decision } = verdict;
  if (decision.decision === 'leave') {
    return decision.because === 'being-read' ? { outcome: 'hold' } : waiting('NoPolicy', decision.message);
  }
  if (decision.decision === 'deny') {
    const until = seenAt + denialWaitMs;
    if (deps.now() < until) return { ...waiting('NotAllowedYet', decision.message), until };
    return { outcome: 'denied', reason: 'PolicyDenied', message: decision.message };
  }

  const checked = checkedRequest(key, certificate, decision.duration ?? certificate.duration);
  const now = deps.now() + behindMs(request, seenAt);
  const { name = '', uid = '' } = request.metadata;
  const signing = { request: { metadata: { namespace, name, uid } }, checked, now };
  const result = await found.state.signer.sign(signing);
  if (result.result === 'problem') return waiting('SigningError', result.message);
  const { random } = deps;
  const context = { checked, now, random, issuer: found.issuer, policy: decision.policy };
  return issuedOutcome(result.issued.certificate, context);
}

/** The API server has proven pod, node and account of the request; here they are held to what the cluster has now. */
function judge(
  { metadata, spec }: PodCertificateRequest,
  issuer: IssuerKey,
  certificate: RequestedCertificate,
  surroundings: PodCertificateOptions,
  deps: PodCertificateDependencies,
): Promise<PodVerdict> {
  const { name = '', namespace = '' } = metadata;
  const { nodeName, nodeUID, podName, podUID, serviceAccountName } = spec;
  const claimed = {
    namespace,
    name: podName,
    uid: podUID,
    node: { name: nodeName, uid: nodeUID },
    serviceAccount: serviceAccountName,
  };
  const requestFor = (pod: PolicyPod): PolicyRequest => ({
    namespace,
    name,
    issuer: { name: issuer.name, kind: issuer.kind, group: certManagerGroup },
    subject: serviceAccountSubject(pod),
    certificate,
    pod,
  });
  return judgeForPod(claimed, requestFor, { ...deps, surroundings });
}

function checkedRequest(
  { publicKey, stub }: RequestedKey,
  { altNames, subject, usages }: RequestedCertificate,
  duration: number,
): CheckedRequest {
  const sanCritical = subject.commonName === undefined;
  return {
    csr: { pem: stub, publicKey, subject, altNames, sanCritical, otherExtensions: [], otherAttributes: [] },
    usages: toUsages(usages, false),
    isCA: false,
    duration,
  };
}

/** How far this clock is behind the API server's, as far as that has shown. That it is ahead nobody can tell. */
function behindMs({ metadata }: PodCertificateRequest, seenAt: number): number {
  const created = Date.parse(metadata.creationTimestamp ?? '');
  return Math.max(0, (created || 0) - seenAt);
}

/** The key, or why it is not signed here. */
function readKey(request: PodCertificateRequest): RequestedKey | string {
  try {
    return requestedKey(request.spec);
  } catch (error) {
    if (isPkiError(error)) return error.message;
    throw error;
  }
}

function waiting(
  reason: WaitReason,
  message: string,
): Extract<PodCertificateOutcome, { outcome: 'waiting' }> {
  return { outcome: 'waiting', reason, message };
}
