import { podCertificateRequests, podCertificateRequestVersions } from '../../api/pod-certificate-request.ts';
import type { PodCertificateRequest } from '../../api/pod-certificate-request.ts';
import { KubeError, ServedWatch } from '../../kube/index.ts';
import type { Resource } from '../../kube/index.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import { readListed } from '../read-listed.ts';
import { statusOf } from '../slim-object.ts';
import type { TermContext, TermPart } from '../term-part.ts';
import { PodCertificateController } from './pod-certificate-controller.ts';
import { resolvePodCertificate } from './resolve-pod-certificate.ts';
import { slimPodCertificateRequest } from './slim-pod-certificate-request.ts';

/** Signs the requests that kubelets make for `podCertificate` projections, where the cluster serves them. */
export function podCertificatesPart(context: TermContext): TermPart {
  const { client, clock, events, facts, issuers, judge, log, random, values } = context;
  const [preferred, other] = podCertificateRequestVersions;
  const watch = new ServedWatch<PodCertificateRequest>(
    {
      types: [podCertificateRequests(preferred), podCertificateRequests(other)],
      transform: slimPodCertificateRequest,
    },
    {
      client,
      clock,
      random,
      onError: (error) =>
        log.warn({ resource: 'podcertificaterequests', error }, 'watch failed, trying again'),
    },
  );
  const resolving = {
    now: (): number => clock.now(),
    random,
    judge,
    facts,
    issuer: (issuer: IssuerKey) => issuers.state(issuer),
  };
  const controller = new PodCertificateController(
    { workers: values.workers },
    {
      clock,
      random,
      events,
      log,
      metrics: context.metrics.podCertificates,
      find: (key) => watch.get(key),
      resolve: (request, seenAt) => resolvePodCertificate(request, seenAt, values, resolving),
      writeStatus: (request, status) => served().replaceStatus(statusOf(request, status)),
      read: (request) => readListed(served(), request),
    },
  );
  watch.subscribe(controller.onChange);
  issuers.subscribe((issuer) => controller.issuerKnown(issuer));
  context.onPolicies((namespace) => controller.policiesChanged(namespace));

  function served(): Resource<PodCertificateRequest> {
    const { type } = watch;
    if (type === undefined)
      throw new KubeError('unavailable', 'podcertificaterequests: no version is served');
    return client.resource(type);
  }

  return {
    get synced() {
      return watch.synced;
    },
    run: async (signal) => {
      await Promise.all([watch.run(signal), controller.run(signal)]);
    },
  };
}
