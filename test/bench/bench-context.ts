import type { Log } from '../cluster/log.ts';
import type { Report } from './report/report.ts';

export interface BenchOptions {
  /** How often the measured thing is done; what that is says each bench. */
  readonly runs?: number;
  /** How many at once, where that is the point. */
  readonly atOnce?: number;
  readonly seconds?: number;
  /** Driver and controller write CPU profiles into this folder, and run from src/ instead of the bundle. */
  readonly profileDir?: string;
}

export interface BenchContext {
  readonly options: BenchOptions;
  readonly log: Log;
  /** Told as soon as a cluster is there. */
  readonly onKubernetes: (version: string) => void;
}

export interface Bench {
  readonly name: string;
  /** What it measures, and against what. */
  readonly summary: string;
  /** What `--runs`, `--at-once` and `--seconds` mean to it, with the defaults; those not named are refused. */
  readonly options: Readonly<Partial<Record<'runs' | 'atOnce' | 'seconds', string>>>;
  readonly run: (context: BenchContext) => Promise<Report>;
}
