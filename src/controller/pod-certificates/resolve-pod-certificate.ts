import { certManagerGroup } from '../../api/issuer-reference.ts';
import { invalidUserAnnotations, unsupportedKeyType } from '../../api/pod-certificate-request.ts';
import type { PodCertificateRequest } from '../../api/pod-certificate-request.ts';
import { toUsages } from '../../api/usages.ts';
import type { UsageName } from '../../api/usages.ts';
import { backdated, formatSpiffeId, isPkiError, noAltNames } from '../../pki/index.ts';
import type { AltNames, KeySpec } from '../../pki/index.ts';
import { policyPodOf, serviceAccountSubject } from '../../policy/index.ts';
import type { PolicyDecision, PolicyJudge, PolicyPod, PolicyRequest } from '../../policy/index.ts';
import type { Facts, FactSources } from '../approval/facts/facts.ts';
import { issuerKeyText } from '../issuers/issuer-key.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import type { IssuerState } from '../issuers/issuer-state.ts';
import type { CheckedRequest } from '../requests/check-request.ts';
import { issuedOutcome } from './issued-outcome.ts';
import type { PodCertificateOutcome, WaitReason } from './pod-certificate-outcome.ts';
import { requestedKey } from './requested-key.ts';
import type { RequestedKey } from './requested-key.ts';
import { issuersOfSigner } from './signer-name.ts';
import { parseUserAnnotations } from './user-annotations.ts';
import type { UserAnnotations } from './user-annotations.ts';

export interface PodCertificateOptions {
  readonly trustDomain: string;
  readonly clusterDomain: string;
}

export interface PodCertificateDependencies {
  readonly now: () => number;
  readonly random: () => number;
  readonly issuer: (key: IssuerKey) => IssuerState | undefined;
  readonly judge: PolicyJudge;
  readonly facts: FactSources;
}

/** What both ends of mutual TLS need. RSA key transport additionally needs key encipherment (RFC 5246 §7.4.2). */
const mutualTls: readonly UsageName[] = ['digital signature', 'server auth', 'client auth'];
const mutualTlsOfRsa: readonly UsageName[] = [...mutualTls, 'key encipherment'];

/** Answer to a request at this moment; writes nothing. */
export async function resolvePodCertificate(
  request: PodCertificateRequest,
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

  const wanted = wantedCertificate(spiffeIdOf(request, options), asked, key.spec, spec.maxExpirationSeconds);
  const decision = await decide(request, found.issuer, wanted, options, deps);
  if (!decision) {
    const { podName, podUID } = spec;
    return waiting('PodGone', `there is no pod ${namespace}/${podName} with uid ${podUID} any more`);
  }
  if (decision.decision === 'leave') return waiting('NoPolicy', decision.message);
  if (decision.decision === 'deny') {
    return { outcome: 'denied', reason: 'PolicyDenied', message: decision.message };
  }

  // A clock that is behind is corrected by what the API server's has shown; one that is ahead nobody can tell.
  const now = Math.max(deps.now(), Date.parse(request.metadata.creationTimestamp ?? '') || 0);
  const checked = checkedRequest(key, wanted, now);
  const { name = '', uid = '' } = request.metadata;
  const result = await found.state.signer.sign({
    request: { metadata: { namespace, name, uid } },
    checked,
    now,
  });
  if (result.result === 'problem') return waiting('SigningError', result.message);
  const { policy } = decision;
  return issuedOutcome(request, result.issued.certificate, {
    checked,
    now,
    random: deps.random,
    issuer: found.issuer,
    policy,
  });
}

export interface WantedCertificate {
  readonly commonName: string | undefined;
  readonly altNames: AltNames;
  readonly usages: readonly UsageName[];
  /** Milliseconds from notBefore to notAfter. */
  readonly lifetime: number;
  readonly key: KeySpec;
}

function wantedCertificate(
  spiffeId: string,
  { commonName, dnsNames, ipAddresses }: UserAnnotations,
  key: KeySpec,
  maxExpirationSeconds = 86_400,
): WantedCertificate {
  const { emailAddresses } = noAltNames;
  return {
    commonName,
    altNames: { dnsNames, ipAddresses, uris: [spiffeId], emailAddresses },
    usages: key.algorithm === 'RSA' ? mutualTlsOfRsa : mutualTls,
    lifetime: maxExpirationSeconds * 1000,
    key,
  };
}

/**
 * A denial is final for the pod, so it is never spoken by caches that may be behind; nor is a pod that they do not know yet
 * approved unseen, because policies may go by its labels.
 *
 * @returns undefined when the pod is gone
 */
async function decide(
  request: PodCertificateRequest,
  issuer: IssuerKey,
  { altNames, commonName, key, lifetime, usages }: WantedCertificate,
  options: PodCertificateOptions,
  { facts, judge }: PodCertificateDependencies,
): Promise<PolicyDecision | undefined> {
  const { name = '', namespace = '' } = request.metadata;
  const subject = commonName === undefined ? {} : { commonName };
  const asked: Omit<PolicyRequest, 'pod'> = {
    namespace,
    name,
    issuer: { name: issuer.name, kind: issuer.kind, group: certManagerGroup },
    subject: serviceAccountSubject({ namespace, serviceAccount: request.spec.serviceAccountName }),
    certificate: { subject, altNames, usages, isCA: false, duration: lifetime, key },
  };
  const watched = await describePod(request, facts.watched, options);
  if (watched) {
    const decision = await judge.decide({ ...asked, pod: watched });
    if (decision.decision !== 'deny') return decision;
  }
  const live = await describePod(request, facts.live, options);
  return live && judge.decide({ ...asked, pod: live });
}

/** The pod as the cluster has it; undefined when it has none, or another of its name. */
async function describePod(
  { metadata: { namespace = '' }, spec: { podName, podUID } }: PodCertificateRequest,
  facts: Facts,
  options: PodCertificateOptions,
): Promise<PolicyPod | undefined> {
  const pod = await facts.pod(namespace, podName);
  if (pod?.metadata.uid !== podUID) return undefined;
  return policyPodOf(pod, await facts.services(namespace), options);
}

/** The lifetime begins where the issuer backdates it to. */
function checkedRequest(
  { publicKey, stub }: RequestedKey,
  wanted: WantedCertificate,
  now: number,
): CheckedRequest {
  const { altNames, commonName, lifetime, usages } = wanted;
  const subject = commonName === undefined ? {} : { commonName };
  return {
    csr: {
      pem: stub,
      publicKey,
      subject,
      altNames,
      sanCritical: commonName === undefined,
      otherExtensions: [],
    },
    usages: toUsages(usages, false),
    isCA: false,
    duration: lifetime - (now - backdated(new Date(now)).getTime()),
  };
}

function spiffeIdOf(
  { metadata, spec }: PodCertificateRequest,
  { trustDomain }: PodCertificateOptions,
): string {
  const path = `/ns/${metadata.namespace ?? ''}/sa/${spec.serviceAccountName}`;
  return formatSpiffeId({ trustDomain, path });
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

type FoundIssuer =
  | {
      readonly found: 'ready';
      readonly issuer: IssuerKey;
      readonly state: Extract<IssuerState, { state: 'ready' }>;
    }
  | { readonly found: 'loading' }
  | { readonly found: 'missing'; readonly reason: WaitReason; readonly message: string };

function findIssuer(
  signerName: string,
  namespace: string,
  { issuer: stateOf }: PodCertificateDependencies,
): FoundIssuer {
  const candidates = issuersOfSigner(signerName, namespace);
  for (const issuer of candidates) {
    const state = stateOf(issuer);
    if (state === undefined) continue;
    if (state.state === 'loading') return { found: 'loading' };
    if (state.state === 'ready') return { found: 'ready', issuer, state };
    // The cause is on the issuer: it may speak of Secrets that a pod has no business with.
    return { found: 'missing', reason: 'IssuerNotReady', message: `${issuerKeyText(issuer)} is not ready` };
  }
  const message = `there is no ${candidates.map(issuerKeyText).join(' and no ')} for signer ${signerName}`;
  return { found: 'missing', reason: 'IssuerNotFound', message };
}

function waiting(reason: WaitReason, message: string): PodCertificateOutcome {
  return { outcome: 'waiting', reason, message };
}
