import * as fs from 'node:fs';
import { nodes } from '../api/core.ts';
import { aborted, type Clock, type Connection, KubeClient } from '../kube/index.ts';
import { HealthServer } from '../runtime/health-server.ts';
import type { Logger } from '../runtime/log.ts';
import { Metrics } from '../runtime/metrics.ts';
import { addProcessMetrics } from '../runtime/process-metrics.ts';
import { kubeletSockets } from './kubelet-sockets.ts';
import { driverMetrics } from './metrics.ts';
import { nodeVolumes } from './node-volumes.ts';
import { type DriverFlagValues, driverOptions } from './options.ts';
import { StartupTaint } from './startup-taint.ts';
import type { DriverEffects } from './volume/fault-points.ts';
import { learnTokens } from './volume/issuance/pod-tokens.ts';
import type { Mounter } from './volume/mount/mounter.ts';
import { volumeStats } from './volume/volume-stats.ts';

export interface DriverDependencies {
  readonly connection: Connection;
  readonly mounter: Mounter;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly version: string;
  /** Called once when everything is started. */
  readonly onServing?: () => void;
  /** Stands between the driver and all that it changes, for tests that kill it there. */
  readonly interpose?: (effects: DriverEffects) => DriverEffects;
}

/** In all, below the ten seconds after which the program is ended. */
const graceMs = 8_000;
/** For what is under way; what takes longer waits for somebody, and the next process goes on with it. */
const finishMs = 3_000;

/** Runs the node driver until the signal aborts. The API server may be away all the while: what is mounted is kept. */
export async function runDriver(
  flags: DriverFlagValues,
  deps: DriverDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { clock, connection, interpose = (effects) => effects, log, random, version } = deps;
  const options = driverOptions(flags);
  const { driverName } = options;
  const client = new KubeClient(
    { connection, userAgent: `certmount-driver/${version}`, maxSockets: 6 },
    { clock, random },
  );
  const metrics = new Metrics();
  addProcessMetrics(metrics, { version, program: 'driver' });
  // The table of volumes reports to metrics that in turn count the table.
  const reports = driverMetrics({
    metrics,
    clock,
    volumes: () => volumes.all(),
    unrenewed: () => volumes.unrenewed(),
    trust: () => node.trust(),
  });
  const node = nodeVolumes(options, { ...deps, client, interpose, metrics: reports });
  const { mounts, podTokens, volumes } = node;
  await volumes.recover();

  const background = new AbortController();
  const startupTaint = options.startupTaint
    ? new StartupTaint({ nodeName: options.nodeId }, { nodes: client.resource(nodes), clock, random, log })
    : undefined;
  let registered: string | undefined = 'the kubelet has not registered the driver yet';
  const sockets = kubeletSockets(options, {
    clock,
    log,
    version,
    observe: reports.call,
    isReady: () => !signal.aborted,
    volumes: podTokens === undefined ? volumes : learnTokens(volumes, podTokens),
    stats: (volumeId, path) => volumeStats(volumes.get(volumeId), path, { clock, fs, mounts }),
    onRegistration: (ok, message) => {
      registered = ok ? undefined : `the kubelet refused the driver: ${message}`;
      if (ok) {
        log.info({ driverName }, 'registered with the kubelet');
        void startupTaint?.remove(background.signal);
      } else log.error({ driverName, cause: message }, 'the kubelet refused the registration');
    },
  });
  const health = new HealthServer(
    { address: options.metricsAddress },
    {
      live: () => undefined,
      ready: () => registered,
      metrics,
      onError: (error) => log.error({ error }, 'health server failed'),
    },
  );

  const running = node.run(background.signal);
  try {
    const address = await health.listen();
    await sockets.csi.start();
    await sockets.registration.start();
    log.info({ endpoint: options.endpoint, address, count: [...volumes.all()].length }, 'serving');
    deps.onServing?.();
    await aborted(signal);
  } finally {
    // First the kubelet learns that we go, then what is under way ends, then what it needs to end.
    await sockets.registration.stop(500);
    await Promise.all([sockets.csi.stop(graceMs), node.stop(finishMs)]);
    background.abort(signal.reason);
    await running.catch(() => {});
    await health.close();
    client.close();
  }
}
