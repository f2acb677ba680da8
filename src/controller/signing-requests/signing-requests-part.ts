import { certificateSigningRequests } from '../../api/certificate-signing-request.ts';
import type {
  CertificateSigningRequest,
  CertificateSigningRequestStatus,
} from '../../api/certificate-signing-request.ts';
import { ServedWatch } from '../../kube/index.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import { pickMetadata, withoutManagedFields } from '../slim-object.ts';
import { readListed } from '../read-listed.ts';
import type { TermContext, TermPart } from '../term-part.ts';
import { mayReference } from './reference-review.ts';
import { resolveSigningRequest } from './resolve-signing-request.ts';
import { SigningRequestController } from './signing-request-controller.ts';
import { phaseOf } from './signing-request-phase.ts';

/** Signs CertificateSigningRequests of certificates.k8s.io to issuers of cert-manager.io. */
export function signingRequestsPart(context: TermContext): TermPart {
  const { client, clock, events, issuers, log, metrics, random, values } = context;
  const resource = client.resource(certificateSigningRequests);
  const watch = new ServedWatch<CertificateSigningRequest>(
    { types: [certificateSigningRequests], transform: slimSigningRequest },
    {
      client,
      clock,
      random,
      onError: (error) =>
        log.warn({ resource: 'certificatesigningrequests', error }, 'watch failed, trying again'),
    },
  );
  const resolving = {
    now: (): number => clock.now(),
    issuer: (issuer: IssuerKey) => issuers.state(issuer),
    mayReference: ({ spec }: CertificateSigningRequest, issuer: Extract<IssuerKey, { kind: 'Issuer' }>) =>
      mayReference(client, spec, issuer),
  };
  const awaited = context.awaitSecrets(certificateSigningRequests.kind, (request) =>
    controller.secretChanged(request),
  );
  const controller: SigningRequestController = new SigningRequestController({
    clock,
    random,
    events,
    log,
    metrics: metrics.signingRequests,
    find: (key) => watch.get(key),
    resolve: (request) => resolveSigningRequest(request, values, resolving),
    awaitSecret: (request, secret) => awaited.await(request, secret),
    // With all of the metadata: of this kind the server takes it from whoever writes the status.
    writeStatus: (request: CertificateSigningRequest, status: CertificateSigningRequestStatus) =>
      resource.replaceStatus({ ...request, status }),
    read: (request) => readListed(resource, request),
  });
  watch.subscribe(controller.onChange);
  issuers.subscribe((issuer) => controller.issuerKnown(issuer));
  return {
    get synced() {
      return watch.synced;
    },
    run: async (signal) => {
      await Promise.all([watch.run(signal), controller.run(signal)]);
    },
  };
}

/** Of what is finished, or another signer's, only which it is and that it is finished. */
function slimSigningRequest(request: CertificateSigningRequest): CertificateSigningRequest {
  if ('issuer' in phaseOf(request)) return withoutManagedFields(request);
  const conditions = (request.status?.conditions ?? []).map(({ type, status }) => ({ type, status }));
  return {
    metadata: pickMetadata(request.metadata, 'name', 'uid', 'resourceVersion'),
    spec: { request: '', signerName: request.spec.signerName },
    status: { conditions, ...(request.status?.certificate && { certificate: '-' }) },
  };
}
