import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { type CertificateRequest, certificateRequests } from '../api/certificate-request.ts';
import { events } from '../api/core.ts';
import { requestLabels } from '../api/driver-requests.ts';
import { type Clock, type Connection, KubeClient, Reflector } from '../kube/index.ts';
import { KeyGenerator } from '../pki/index.ts';
import { HealthServer } from '../runtime/health-server.ts';
import type { Logger } from '../runtime/log.ts';
import { Metrics } from '../runtime/metrics.ts';
import { addProcessMetrics } from '../runtime/process-metrics.ts';
import { identityService } from './csi/identity-service.ts';
import { nodeService } from './csi/node-service.ts';
import { registrationService } from './csi/registration-service.ts';
import { serviceDefinitions } from './csi/service-definitions.ts';
import { SocketServer } from './csi/socket-server.ts';
import { driverMetrics } from './metrics.ts';
import { type DriverFlagValues, driverPaths } from './options.ts';
import { parseAttributes } from './volume/attributes/parse-attributes.ts';
import { VolumeFiles } from './volume/files/volume-files.ts';
import { podIdentityOf } from './volume/identity.ts';
import { AnchorCache } from './volume/issuance/anchor-cache.ts';
import { Issuance } from './volume/issuance/issuance.ts';
import { labelValue } from './volume/issuance/labels.ts';
import { RequestJanitor } from './volume/issuance/request-janitor.ts';
import { Requester } from './volume/issuance/requester.ts';
import type { Mounter } from './volume/mount/mounter.ts';
import { VolumeMounts } from './volume/mount/volume-mounts.ts';
import { PodEvents } from './volume/pod-events.ts';
import { VolumeRecords } from './volume/state/volume-records.ts';
import type { VolumeSpec } from './volume/volume-spec.ts';
import { volumeStats } from './volume/volume-stats.ts';
import { Volumes, type VolumeSource } from './volume/volumes.ts';

export interface DriverDependencies {
  readonly connection: Connection;
  readonly mounter: Mounter;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly version: string;
}

/** In all, below the ten seconds after which the program is ended. */
const graceMs = 8_000;
/** For what is under way; what takes longer waits for somebody, and the next process goes on with it. */
const finishMs = 3_000;

/** Runs the node driver until the signal aborts. The API server may be away all the while: what is mounted is kept. */
export async function runDriver(
  options: DriverFlagValues,
  deps: DriverDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { clock, connection, log, random } = deps;
  const paths = driverPaths(options);
  const client = new KubeClient(
    { connection, userAgent: `certmount-driver/${deps.version}`, maxSockets: 6 },
    { clock, random },
  );
  const requests = client.resource(certificateRequests);
  const reflector = nodeRequests(options, client, deps);

  const metrics = new Metrics();
  addProcessMetrics(metrics, { version: deps.version, program: 'driver' });
  // The table of volumes reports to metrics that in turn count the table.
  const reports = driverMetrics({ metrics, clock, volumes: () => volumes.all() });

  // Two of libuv's four threads, so that RSA keys never hold up the rest.
  const keys = new KeyGenerator({ rsaConcurrency: 2 });
  const requester = new Requester({}, { client, token: async () => connection.token?.() });
  const mounts = new VolumeMounts(
    { source: options.driverName, sizeBytes: options.volumeSizeKib * 1024 },
    { mounter: deps.mounter, fs },
  );
  const volumes: Volumes = new Volumes(
    { concurrentRenewals: 32, parseSpec: (source) => parseSpec(source, options) },
    {
      clock,
      random,
      log,
      mounts,
      readAnchors: new AnchorCache().read,
      randomHex,
      generateKey: (spec, keySignal) => keys.generate(spec, keySignal),
      metrics: reports,
      files: new VolumeFiles({}, { fs, now: () => new Date(clock.now()) }),
      records: new VolumeRecords({ directory: paths.state }, { fs, fsPromises: fs.promises }),
      issuance: new Issuance(
        { nodeName: options.nodeId, driverName: options.driverName },
        { requests, reflector, clock, requester: () => requester.identity(), observe: reports.issuancePhase },
      ),
      events: new PodEvents(
        { nodeName: options.nodeId, driverName: options.driverName },
        { events: client.resource(events), clock, randomHex, log },
      ),
      release: (namespace, request) => janitor.release(namespace, request),
    },
  );
  const janitor = new RequestJanitor(
    { workers: 4 },
    {
      reflector,
      requests,
      clock,
      random,
      log,
      isNeeded: (volumeId, request) => volumes.needs(volumeId, request),
      onDeleted: (volumeId, request) => volumes.forgetRefusal(volumeId, request),
    },
  );
  await volumes.recover();

  let registered: string | undefined = 'the kubelet has not registered the driver yet';
  const unaryDeps = { clock, log, observe: reports.call };
  const services = serviceDefinitions();
  const csi = new SocketServer(
    { path: paths.socket },
    {
      clock,
      log,
      fs,
      addServices: (add) => {
        const identity = { driverName: options.driverName, version: deps.version };
        add(services.identity, identityService(identity, { ...unaryDeps, isReady: () => !signal.aborted }));
        add(
          services.node,
          nodeService(options, {
            ...unaryDeps,
            volumes,
            stats: (volumeId, path) => volumeStats(volumes.get(volumeId), path, { clock, fs, mounts }),
          }),
        );
      },
    },
  );
  const registration = new SocketServer(
    { path: paths.registrationSocket },
    {
      clock,
      log,
      fs,
      addServices: (add) => {
        const onStatus = (ok: boolean, message: string): void => {
          registered = ok ? undefined : `the kubelet refused the driver: ${message}`;
          if (ok) log.info({ driverName: options.driverName }, 'registered with the kubelet');
          else
            log.error(
              { driverName: options.driverName, reason: message },
              'the kubelet refused the registration',
            );
        };
        const service = { driverName: options.driverName, endpoint: paths.kubeletSocket };
        add(services.registration, registrationService(service, { ...unaryDeps, onStatus }));
      },
    },
  );
  const health = new HealthServer(
    { address: options.metricsAddress },
    {
      live: () => undefined,
      ready: () => registered,
      metrics,
      onError: (error) => log.error({ error }, 'health server failed'),
    },
  );

  const background = new AbortController();
  const running = Promise.all([reflector.run(background.signal), janitor.run(background.signal)]);
  try {
    const address = await health.listen();
    await csi.start();
    await registration.start();
    log.info({ endpoint: paths.socket, address, count: [...volumes.all()].length }, 'serving');
    await aborted(signal);
  } finally {
    // First the kubelet learns that we go, then what is under way ends, then what it needs to end.
    await registration.stop(500);
    await Promise.all([csi.stop(graceMs), volumes.stop(finishMs)]);
    background.abort(signal.reason);
    await running.catch(() => {});
    await health.close();
    client.close();
  }
}

function nodeRequests(
  options: DriverFlagValues,
  client: KubeClient,
  deps: DriverDependencies,
): Reflector<CertificateRequest> {
  const { clock, log, random } = deps;
  return new Reflector(
    {
      resource: client.resource(certificateRequests),
      labelSelector: [
        `${requestLabels.node}=${labelValue(options.nodeId)}`,
        `${requestLabels.driver}=${labelValue(options.driverName)}`,
      ].join(),
      transform: keepLittle,
    },
    {
      clock,
      random,
      onError: (error) => log.warn({ error, resource: certificateRequests.plural }, 'watch interrupted'),
    },
  );
}

/** A node's requests stay in memory for as long as its pods live. */
function keepLittle(request: CertificateRequest): CertificateRequest {
  delete request.metadata.managedFields;
  request.spec = { ...request.spec, request: '' };
  delete request.spec.extra;
  delete request.spec.groups;
  return request;
}

function parseSpec(source: VolumeSource, options: DriverFlagValues): VolumeSpec {
  const { context, mountGroup, targetPath, volumeId } = source;
  const pod = podIdentityOf(context);
  const { nodeId: nodeName, trustDomain } = options;
  return { volumeId, targetPath, ...parseAttributes(context, { pod, nodeName, trustDomain, mountGroup }) };
}

/** 40 bits: names of requests and Events that never meet. */
function randomHex(): string {
  return randomBytes(5).toString('hex');
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
