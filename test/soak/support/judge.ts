import type { Sample } from './sample.ts';

export interface JudgeOptions {
  /** Volumes that were kept up. */
  readonly volumes: number;
  /** Seconds after the start of the last process of the driver in which it grows into its work. */
  readonly warmUpSeconds: number;
}

/** Of the last process of the driver, which was left alone for that. */
export interface Trend {
  readonly seconds: number;
  /** Medians of the first and the last third. */
  readonly residentMb: readonly [number, number];
  /** Least of the first and the last half: what the garbage collector leaves. */
  readonly heapMb: readonly [number, number];
  /** Medians of the first and the last half: while there is no API server it is fewer connections and more timers. */
  readonly descriptors: readonly [number, number];
  readonly timers: readonly [number, number];
}

/** What may be more at the end than at the beginning: noise of the allocator and of what is under way at a moment. */
const slack = { residentMb: 10, heapMb: 4, descriptors: 8, timers: 30 } as const;
/** Resident memory of the driver at any sample. */
const mostResidentMb = 110;

/** @returns what is wrong with a run, one line each */
export function judge(samples: readonly Sample[], options: JudgeOptions): string[] {
  const problems = samples.flatMap((sample) =>
    sample.problems.map((problem) => `at ${sample.at} s: ${problem}`),
  );
  // Whatever comes and goes is counted by the sample while it does.
  const most = options.volumes * 1.2 + 10;
  for (const sample of samples) {
    const { at, driver, mounts, records, requests = 0 } = sample;
    if (mounts > most) problems.push(`at ${at} s: ${mounts} mounts of ${sample.volumes} volumes`);
    if (records > most) problems.push(`at ${at} s: ${records} records of ${sample.volumes} volumes`);
    if (requests > 2 * most) problems.push(`at ${at} s: ${requests} requests of ${sample.volumes} volumes`);
    if ((driver?.residentMb ?? 0) > mostResidentMb)
      problems.push(`at ${at} s: the driver has ${driver?.residentMb} MB, more than ${mostResidentMb}`);
  }
  const trend = trendOf(samples, options.warmUpSeconds);
  if (trend === undefined)
    return [...problems, 'too few samples of the last process of the driver to see a trend'];
  for (const [name, allowed] of Object.entries(slack)) {
    const [before, after] = trend[name as keyof typeof slack];
    if (after > before + allowed)
      problems.push(`${name} grew from ${before} to ${after} in ${trend.seconds} s without a restart`);
  }
  return problems;
}

export function trendOf(samples: readonly Sample[], warmUpSeconds: number): Trend | undefined {
  const life = samples.at(-1)?.driverLife;
  const ofLife = samples.filter((sample) => sample.driverLife === life && sample.driver !== undefined);
  const begin = (ofLife[0]?.at ?? 0) + warmUpSeconds;
  const steady = ofLife.filter(({ at }) => at >= begin);
  if (steady.length < 12) return undefined;
  const values = (of: (sample: Sample) => number | undefined): number[] =>
    steady.map(of).filter((value) => value !== undefined);
  return {
    seconds: Math.round((steady.at(-1)?.at ?? 0) - begin),
    residentMb: ends(
      values(({ driver }) => driver?.residentMb),
      3,
      median,
    ),
    heapMb: ends(
      values(({ heapMb }) => heapMb),
      2,
      least,
    ),
    descriptors: ends(
      values(({ driver }) => driver?.descriptors),
      2,
      median,
    ),
    timers: ends(
      values(({ timers }) => timers),
      2,
      median,
    ),
  };
}

/** One figure of the first and one of the last part of so many. */
function ends(
  values: readonly number[],
  parts: number,
  of: (values: readonly number[]) => number,
): [number, number] {
  const length = Math.floor(values.length / parts);
  const round = (value: number): number => Math.round(value * 10) / 10;
  return [round(of(values.slice(0, length))), round(of(values.slice(-length)))];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function least(values: readonly number[]): number {
  return Math.min(...values);
}
