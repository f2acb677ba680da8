import type { KeyObject } from 'node:crypto';
import { type CertificateRequest, isApproved, isDenied } from '../../../api/certificate-request.ts';
import { getCondition, isConditionTrue } from '../../../api/condition.ts';
import {
  type Clock,
  isKubeError,
  keyText,
  type ObjectKey,
  type Reflector,
  type Resource,
} from '../../../kube/index.ts';
import { createRequest } from '../../../pki/index.ts';
import { toUsages } from '../../../api/usages.ts';
import { abortable } from '../abortable.ts';
import { VolumeError } from '../volume-error.ts';
import type { VolumeSpec } from '../volume-spec.ts';
import { requestAnnotations } from '../../../api/driver-requests.ts';
import { requestObject } from './request-object.ts';
import type { RequesterIdentity } from './requester.ts';

export interface IssuanceOptions {
  readonly driverName: string;
  readonly nodeName: string;
}

export interface IssuanceDependencies {
  readonly requests: Pick<Resource<CertificateRequest>, 'create'>;
  /** Sees the requests of this node, no others. */
  readonly reflector: Reflector<CertificateRequest>;
  readonly clock: Clock;
  readonly requester: (podToken?: string) => Promise<RequesterIdentity>;
  /** Set when requests are made in the name of the pod's service account. Throws a VolumeError when there is no token. */
  readonly podToken?: ((volumeId: string) => string) | undefined;
  readonly observe: (phase: 'request' | 'create' | 'wait', seconds: number) => void;
}

export interface IssuedCertificate {
  /** PEM, leaf and intermediates. */
  readonly certificates: string;
  /** PEM, possibly empty. */
  readonly ca: string;
}

/** Gets one certificate for one key through a CertificateRequest of a given name. Safe to repeat with the same name and key. */
export class Issuance {
  readonly #options: IssuanceOptions;
  readonly #deps: IssuanceDependencies;

  constructor(options: IssuanceOptions, dependencies: IssuanceDependencies) {
    this.#options = options;
    this.#deps = dependencies;
  }

  /**
   * @param signal its abort means "no longer": what is waited for becomes the message of `not-issued-yet`
   * @throws {VolumeError} `denied`, `issuance-failed`, `not-issued-yet`, `api-unavailable` or `api-refused`
   */
  async obtain(
    spec: VolumeSpec,
    key: KeyObject,
    name: string,
    signal: AbortSignal,
  ): Promise<IssuedCertificate> {
    const wanted: ObjectKey = { namespace: spec.pod.namespace, name };
    await this.#ensureRequest(spec, key, wanted, signal);
    const started = this.#deps.clock.now();
    const settled = await this.#awaitOutcome(wanted, signal);
    this.#deps.observe('wait', (this.#deps.clock.now() - started) / 1000);
    return readOutcome(settled, wanted);
  }

  /** As far as this node has heard. */
  isAnswered(request: ObjectKey): boolean {
    const seen = this.#deps.reflector.get(request);
    return seen !== undefined && isSettled(seen);
  }

  /** Resolves when the request has an outcome, a bad one too. Rejects with the signal's reason. */
  async whenAnswered(request: ObjectKey, signal: AbortSignal): Promise<void> {
    await this.#deps.reflector.waitFor(request, (seen) => seen !== undefined && isSettled(seen), signal);
  }

  async #ensureRequest(
    spec: VolumeSpec,
    key: KeyObject,
    wanted: ObjectKey,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#deps.reflector.get(wanted) !== undefined) return;
    const { clock, observe } = this.#deps;
    const started = clock.now();
    const token = this.#deps.podToken?.(spec.volumeId);
    const object = await this.#requestObject(spec, key, wanted.name, token, signal);
    const made = clock.now();
    observe('request', (made - started) / 1000);
    try {
      await this.#create(object, token, signal);
    } catch (error) {
      // An earlier attempt got through whose answer was lost: it is ours by its name, which is random.
      if (!isKubeError(error, 'already-exists'))
        throw (
          (signal.aborted ? endOf(signal) : undefined) ??
          refusedToken(error, token, spec) ??
          createFailure(error, wanted, signal)
        );
    }
    observe('create', (clock.now() - made) / 1000);
  }

  async #create(object: CertificateRequest, token: string | undefined, signal: AbortSignal): Promise<void> {
    try {
      await this.#deps.requests.create(object, { signal, token });
    } catch (error) {
      if (!isKubeError(error, 'invalid')) throw error;
      // Each token has an id in `extra`, which admission holds to that of the token in use: ours may have been replaced since.
      const requester = await abortable(this.#deps.requester(token), signal);
      if (requester.extra === object.spec.extra) throw error;
      const renamed = { ...object, spec: { ...object.spec, ...requester } };
      await this.#deps.requests.create(renamed, { signal, token });
    }
  }

  async #requestObject(
    spec: VolumeSpec,
    key: KeyObject,
    name: string,
    token: string | undefined,
    signal: AbortSignal,
  ): Promise<CertificateRequest> {
    const { certificate } = spec;
    const [signingRequest, requester] = await Promise.all([
      createRequest(
        {
          subject: certificate.subject,
          altNames: {
            dnsNames: certificate.dnsNames,
            ipAddresses: certificate.ipAddresses,
            uris: certificate.uris,
            emailAddresses: certificate.emailAddresses,
          },
          usages: toUsages(certificate.usages, certificate.isCA),
          // Basic constraints for a CA alone: csi-driver-spiffe's approver knows no others.
          ...(certificate.isCA && { isCA: true }),
        },
        key,
      ),
      abortable(this.#deps.requester(token), signal).catch((error: unknown) => {
        throw endOf(signal) ?? refusedToken(error, token, spec) ?? unknownRequester(error, token);
      }),
    ]);
    return requestObject(spec, { ...this.#options, name, signingRequest, requester });
  }

  async #awaitOutcome(wanted: ObjectKey, signal: AbortSignal): Promise<CertificateRequest> {
    const { reflector } = this.#deps;
    // Absent at first only until the watch tells of the request; absent after that is deleted.
    let seen = false;
    try {
      const settled = await reflector.waitFor(
        wanted,
        (request) => {
          if (request === undefined) return seen;
          seen = true;
          return isSettled(request);
        },
        signal,
      );
      if (settled !== undefined) return settled;
    } catch (error) {
      if (!signal.aborted) throw error;
      throw endOf(signal) ?? notIssuedYet(reflector.get(wanted), wanted);
    }
    throw new VolumeError(
      'not-issued-yet',
      `CertificateRequest ${keyText(wanted)} was deleted before it was answered; the next attempt makes another`,
    );
  }
}

/** Why the caller broke off, unless it is that time is up: then what was waited for says more. */
function endOf(signal: AbortSignal): VolumeError | undefined {
  const reason: unknown = signal.reason;
  return reason instanceof VolumeError && reason.reason !== 'not-issued-yet' ? reason : undefined;
}

/** @returns undefined for a request of another volume: names are random, so that only tampering gets there */
export function volumeOf(request: CertificateRequest): string | undefined {
  return request.metadata.annotations?.[requestAnnotations.volumeId];
}

function isSettled(request: CertificateRequest): boolean {
  const ready = getCondition(request.status?.conditions, 'Ready');
  return (
    isDenied(request) ||
    isConditionTrue(request.status?.conditions, 'InvalidRequest') ||
    (ready?.status === 'True' && (request.status?.certificate ?? '') !== '') ||
    ready?.reason === 'Failed' ||
    ready?.reason === 'Denied'
  );
}

function readOutcome(request: CertificateRequest, wanted: ObjectKey): IssuedCertificate {
  const conditions = request.status?.conditions;
  const denied = getCondition(conditions, 'Denied');
  if (denied?.status === 'True') {
    throw new VolumeError('denied', `CertificateRequest ${keyText(wanted)} was denied: ${explain(denied)}`);
  }
  const invalid = getCondition(conditions, 'InvalidRequest');
  if (invalid?.status === 'True') {
    throw new VolumeError(
      'issuance-failed',
      `CertificateRequest ${keyText(wanted)} is invalid: ${explain(invalid)}`,
    );
  }
  const ready = getCondition(conditions, 'Ready');
  if (ready?.status !== 'True') {
    throw new VolumeError(
      'issuance-failed',
      `CertificateRequest ${keyText(wanted)} failed: ${explain(ready ?? {})}`,
    );
  }
  const decode = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString();
  return { certificates: decode(request.status?.certificate), ca: decode(request.status?.ca) };
}

function notIssuedYet(request: CertificateRequest | undefined, wanted: ObjectKey): VolumeError {
  const ready = getCondition(request?.status?.conditions, 'Ready');
  const state =
    request === undefined
      ? 'has not been seen by this node yet'
      : !isApproved(request)
        ? 'has not been approved yet'
        : ready === undefined
          ? 'is approved and waits for its issuer'
          : `is not ready: ${explain(ready)}`;
  return new VolumeError('not-issued-yet', `CertificateRequest ${keyText(wanted)} ${state}`);
}

function explain(condition: { readonly reason?: string; readonly message?: string }): string {
  return condition.message ?? condition.reason ?? 'no reason was given';
}

function unknownRequester(error: unknown, podToken: string | undefined): VolumeError {
  const whose = podToken === undefined ? 'the driver' : "the pod's service account";
  return new VolumeError('api-unavailable', `the API server did not tell who ${whose} is to it`, {
    cause: error,
  });
}

/** A pod's token that was revoked, or has expired by the server's clock: the kubelet brings another. */
function refusedToken(
  error: unknown,
  podToken: string | undefined,
  { pod }: VolumeSpec,
): VolumeError | undefined {
  if (podToken === undefined || !isKubeError(error, 'unauthorized')) return undefined;
  return new VolumeError(
    'not-issued-yet',
    `the API server does not accept the token of service account ${pod.namespace}/${pod.serviceAccount}; ` +
      'waits for the kubelet to hand over another',
    { cause: error },
  );
}

function createFailure(error: unknown, wanted: ObjectKey, signal: AbortSignal): VolumeError {
  if (
    signal.aborted ||
    isKubeError(error, 'timeout', 'unavailable', 'too-many-requests', 'aborted', 'internal', 'conflict')
  ) {
    return new VolumeError(
      'api-unavailable',
      `the API server did not take CertificateRequest ${keyText(wanted)}: ${describe(error)}`,
      { cause: error },
    );
  }
  const hint = isKubeError(error, 'not-found')
    ? ' (is the CertificateRequest resource of cert-manager.io/v1 installed, and does the namespace exist?)'
    : '';
  return new VolumeError(
    'api-refused',
    `the API server refused the CertificateRequest${hint}: ${describe(error)}`,
    {
      cause: error,
    },
  );
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
