import { readdirSync } from 'node:fs';
import type { Metrics } from './metrics.ts';

export interface ProcessMetricsOptions {
  readonly version: string;
  /** "driver", "controller". */
  readonly program: string;
}

export interface ProcessMetricsDependencies {
  /** The running process when not given. */
  readonly process?: ProcessFacts;
}

/** What is read at each scrape: cheap, a few system calls. */
export interface ProcessFacts {
  residentBytes(): number;
  heapUsedBytes(): number;
  cpuSeconds(): number;
  /** undefined where the system does not tell. */
  openFileDescriptors(): number | undefined;
  /** Seconds since the epoch. */
  readonly startedAt: number;
  readonly nodeVersion: string;
}

/** Adds the metrics that every Prometheus client has of its process, under their usual names, and the build. */
export function addProcessMetrics(
  metrics: Metrics,
  options: ProcessMetricsOptions,
  deps: ProcessMetricsDependencies = {},
): void {
  const facts = deps.process ?? runningProcess();
  const add = (name: string, help: string, read: () => number | undefined): void => {
    const type = name.endsWith('_total') ? 'counter' : 'gauge';
    metrics.computed({ name, help, type }, () => {
      const value = read();
      return value === undefined ? [] : [{ labels: {}, value }];
    });
  };
  add('process_resident_memory_bytes', 'Resident memory.', () => facts.residentBytes());
  add('nodejs_heap_size_used_bytes', 'Used part of the JavaScript heap.', () => facts.heapUsedBytes());
  add('process_cpu_seconds_total', 'User and system CPU time.', () => facts.cpuSeconds());
  add('process_start_time_seconds', 'Start of the process, since the epoch.', () => facts.startedAt);
  add('process_open_fds', 'Open file descriptors.', () => facts.openFileDescriptors());
  const labels = {
    program: [options.program],
    version: [options.version],
    node_version: [facts.nodeVersion],
  };
  metrics.computed(
    { name: 'certmount_build_info', help: 'Always 1: what is running.', type: 'gauge', labels },
    () => [
      {
        labels: { program: options.program, version: options.version, node_version: facts.nodeVersion },
        value: 1,
      },
    ],
  );
}

function runningProcess(): ProcessFacts {
  return {
    residentBytes: () => process.memoryUsage.rss(),
    heapUsedBytes: () => process.memoryUsage().heapUsed,
    cpuSeconds: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    openFileDescriptors: () => {
      try {
        // One of them is the folder itself.
        return readdirSync('/proc/self/fd').length - 1;
      } catch {
        return undefined;
      }
    },
    startedAt: Date.now() / 1000 - process.uptime(),
    nodeVersion: process.version,
  };
}
