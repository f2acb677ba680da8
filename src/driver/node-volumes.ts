import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { availableParallelism } from 'node:os';
import { certificateRequests } from '../api/certificate-request.ts';
import { events, pods } from '../api/core.ts';
import { nodeTrusts } from '../api/node-trust.ts';
import type { Clock, Connection, KubeClient } from '../kube/index.ts';
import { KeyGenerator } from '../pki/index.ts';
import type { Logger } from '../runtime/log.ts';
import type { DriverMetrics, TrustCounts } from './metrics.ts';
import { readAnchorSet, watchAnchorSets, watchPods, watchRequests } from './node-watches.ts';
import { type DriverOptions, driverPaths } from './options.ts';
import { AnchorSets } from './trust/anchor-sets.ts';
import { coverage } from './trust/coverage.ts';
import { NodeTrustReport } from './trust/node-trust-report.ts';
import { TrustKeeper } from './trust/trust-keeper.ts';
import type { DriverEffects } from './volume/fault-points.ts';
import { VolumeFiles } from './volume/files/volume-files.ts';
import { AnchorCache } from './volume/issuance/anchor-cache.ts';
import { Issuance } from './volume/issuance/issuance.ts';
import { PodTokens } from './volume/issuance/pod-tokens.ts';
import { RequestJanitor } from './volume/issuance/request-janitor.ts';
import { Requester } from './volume/issuance/requester.ts';
import type { Mounter } from './volume/mount/mounter.ts';
import { VolumeMounts } from './volume/mount/volume-mounts.ts';
import { parseSpec } from './volume/parse-spec.ts';
import { PodEvents } from './volume/pod-events.ts';
import { NodePods } from './volume/pods/node-pods.ts';
import { SubPathWarnings } from './volume/pods/sub-path-warnings.ts';
import { renewalSpread } from './volume/renewal/renewal-spread.ts';
import { VolumeRecords } from './volume/state/volume-records.ts';
import { Volumes } from './volume/volumes.ts';
import { workloadApiLimits } from './workload-api/limits.ts';
import { WorkloadApis } from './workload-api/workload-apis.ts';

export interface NodeVolumesDependencies {
  readonly client: KubeClient;
  readonly connection: Connection;
  readonly mounter: Mounter;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: DriverMetrics;
  /** Stands between the driver and all that it changes, for tests that kill it there. */
  readonly interpose: (effects: DriverEffects) => DriverEffects;
}

/** The volumes of this node with all that works for them. */
export interface NodeVolumes {
  readonly volumes: Volumes;
  readonly mounts: VolumeMounts;
  /** Of the pods, where requests are made in their names. */
  readonly podTokens: PodTokens | undefined;
  readonly trust: () => TrustCounts;
  /** Keeps up with the API server until the signal aborts. Call when the volumes are recovered. */
  run(signal: AbortSignal): Promise<void>;
  /** Call before the signal of {@link run} aborts: what is under way needs it to end. */
  stop(graceMs: number): Promise<void>;
}

export function nodeVolumes(options: DriverOptions, dependencies: NodeVolumesDependencies): NodeVolumes {
  const { client, clock, connection, log, metrics, mounter, random } = dependencies;
  const { driverName, nodeId: nodeName } = options;
  const effects = dependencies.interpose({
    files: fs,
    targets: fs,
    mounts: mounter,
    records: fs,
    recordWrites: fs.promises,
    requests: client.resource(certificateRequests),
    events: client.resource(events),
    nodeTrusts: client.resource(nodeTrusts),
  });
  const { requests } = effects;
  const reflector = watchRequests(options, dependencies);
  const keys = new KeyGenerator({ rsaConcurrency: rsaConcurrency(availableParallelism()) });
  const requester = new Requester({}, { client, token: async () => connection.token?.() });
  const podTokens = options.useTokenRequest ? new PodTokens({}, { clock }) : undefined;
  const mounts = new VolumeMounts(
    {
      source: driverName,
      sizeBytes: options.volumeSizeKib * 1024,
      takesOver: options.compatibility !== 'none',
    },
    { mounter: effects.mounts, fs: effects.targets },
  );
  const podEvents = new PodEvents(
    { nodeName, driverName },
    { events: effects.events, clock, randomHex, log },
  );
  const nodePods = new NodePods({}, { reflector: () => watchPods(options, dependencies) });
  const subPaths = new SubPathWarnings(
    { driverName },
    { pods: client.resource(pods), events: podEvents, clock, random, log },
  );
  const files = new VolumeFiles({}, { fs: effects.files, now: () => new Date(clock.now()) });
  const workloadApis = new WorkloadApis({ limits: workloadApiLimits }, { clock, log, fs, files, randomHex });
  const { read: readAnchors } = new AnchorCache();
  const anchors = new AnchorSets(
    {},
    {
      reflector: (onError) => watchAnchorSets(dependencies, onError),
      read: (name, signal) => readAnchorSet(dependencies, name, signal),
      readAnchors,
      clock,
      random,
      log,
    },
  );
  const volumes: Volumes = new Volumes(
    { concurrentRenewals: 32, keepIssuedRequests: options.keepIssuedRequests },
    {
      clock,
      random,
      log,
      mounts,
      files,
      workloadApis,
      subPaths,
      metrics,
      randomHex,
      renewalSpread,
      pods: nodePods,
      events: podEvents,
      parseSpec: (source, podIps) => parseSpec(source, { ...options, nodeName }, podIps),
      anchors,
      readAnchors,
      generateKey: (spec, signal) => keys.generate(spec, signal),
      records: new VolumeRecords(
        { directory: driverPaths(options).state },
        { fs: effects.records, fsPromises: effects.recordWrites },
      ),
      issuance: new Issuance(
        { nodeName, driverName },
        {
          requests,
          reflector,
          clock,
          requester: (podToken) => requester.identity(podToken),
          podToken: podTokens === undefined ? undefined : (volumeId) => podTokens.tokenOf(volumeId),
          observe: metrics.issuancePhase,
        },
      ),
      release: (namespace, request) => janitor.release(namespace, request),
      onSettled: (volumeId) => keeper.settled(volumeId),
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
      isNeeded: (volumeId, namespace, request) => volumes.needs(volumeId, namespace, request),
      onDeleted: (volumeId, namespace, request) => volumes.forgetRefusal(volumeId, namespace, request),
    },
  );
  const report = new NodeTrustReport(
    { driverName },
    {
      nodeTrusts: effects.nodeTrusts,
      identity: () => requester.identity(),
      sets: () => coverage(volumes.all(), anchors),
      clock,
      random,
      log,
    },
  );
  const keeper = new TrustKeeper(
    {},
    { volumes, anchors, onChange: () => report.changed(), events: podEvents, metrics, clock, random, log },
  );
  return {
    volumes,
    mounts,
    podTokens,
    trust: () => ({ ...anchors.count(), behind: keeper.behind() }),
    run: async (signal) => {
      await Promise.all([
        reflector.run(signal),
        janitor.run(signal),
        anchors.run(signal),
        keeper.run(signal),
        report.run(signal),
      ]);
    },
    stop: async (graceMs) => {
      subPaths.stop();
      await Promise.all([volumes.stop(graceMs), nodePods.stop()]);
      await workloadApis.closeAll();
    },
  };
}

/** At most two of libuv's four threads, and one core left for the rest: RSA keys must not hold up other volumes. */
function rsaConcurrency(cores: number): number {
  return Math.max(1, Math.min(2, cores - 1));
}

/** 40 bits: names of requests and Events that never meet. */
function randomHex(): string {
  return randomBytes(5).toString('hex');
}
