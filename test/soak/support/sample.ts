import { readdirSync, readFileSync } from 'node:fs';
import { certificateRequests } from '../../../src/api/certificate-request.ts';
import { requestLabels } from '../../../src/api/driver-requests.ts';
import { nodeName } from '../../bench/stand/install-cluster.ts';
import type { SoakPods } from './soak-pods.ts';
import type { SoakStand } from './soak-stand.ts';
import type { VolumeChecker } from './volume-checker.ts';

/** One look at everything. What could not be asked at that moment is undefined. */
export interface Sample {
  /** Seconds since the start. */
  readonly at: number;
  /** Processes of the driver that were started so far. */
  readonly driverLife: number;
  readonly apiRunning: boolean;
  /** Published volumes. */
  readonly volumes: number;
  readonly mounts: number;
  readonly records: number;
  /** CertificateRequests of the node. */
  readonly requests: number | undefined;
  readonly driver: ProcessSample | undefined;
  readonly controller: ProcessSample | undefined;
  readonly heapMb: number | undefined;
  readonly timers: number | undefined;
  readonly leastRemainingSeconds: number | undefined;
  readonly problems: readonly string[];
}

export interface ProcessSample {
  readonly residentMb: number;
  readonly descriptors: number;
  readonly cpuSeconds: number;
}

export interface SampleDependencies {
  readonly stand: SoakStand;
  readonly pods: SoakPods;
  readonly checker: VolumeChecker;
}

export async function takeSample(
  when: { readonly at: number; readonly driverLife: number; readonly countRequests: boolean },
  { checker, pods, stand }: SampleDependencies,
): Promise<Sample> {
  const { driver } = stand;
  const metrics = driver === undefined ? undefined : await readMetrics(driver.metricsUrl);
  const requests = when.countRequests && stand.apiRunning ? await countRequests(stand) : undefined;
  // Nothing is awaited from here on: what belongs together is read together.
  const seen = checker.check(pods.live, Date.now());
  return {
    at: when.at,
    driverLife: when.driverLife,
    apiRunning: stand.apiRunning,
    volumes: pods.live.size,
    mounts: stand.mounts().length,
    records: stand.records().length,
    requests,
    driver: metrics && {
      residentMb: (metrics.get('process_resident_memory_bytes') ?? Number.NaN) / 2 ** 20,
      descriptors: metrics.get('process_open_fds') ?? Number.NaN,
      cpuSeconds: metrics.get('process_cpu_seconds_total') ?? Number.NaN,
    },
    controller: processSample(stand.controllerPid),
    heapMb: metrics && (metrics.get('nodejs_heap_size_used_bytes') ?? Number.NaN) / 2 ** 20,
    timers: driver && stand.resources()?.['Timeout'],
    ...seen,
  };
}

async function readMetrics(url: string): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    const text = await response.text();
    return new Map(
      [...text.matchAll(/^([a-z_]+) (\S+)$/gm)].map(([, name = '', value]) => [name, Number(value)]),
    );
  } catch {
    return undefined;
  }
}

async function countRequests({ admin }: SoakStand): Promise<number | undefined> {
  const labelSelector = `${requestLabels.node}=${nodeName}`;
  const all = admin.resource(certificateRequests).list({ labelSelector }, { timeoutMs: 5_000 });
  return all.then(
    ({ items }) => items.length,
    () => undefined,
  );
}

/** With Linux's usual hundred ticks a second. */
function processSample(pid: number | undefined): ProcessSample | undefined {
  if (pid === undefined) return undefined;
  const folder = `/proc/${pid}`;
  try {
    const status = readFileSync(`${folder}/status`, 'utf8');
    const stat = readFileSync(`${folder}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return {
      residentMb: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024,
      descriptors: readdirSync(`${folder}/fd`).length,
      cpuSeconds: (Number(stat[11]) + Number(stat[12])) / 100,
    };
  } catch {
    return undefined;
  }
}
