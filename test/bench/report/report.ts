import type { Distribution } from './distribution.ts';

export type Unit = 'ms' | 'MB';

export interface Row {
  readonly what: string;
  readonly unit: Unit;
  readonly distribution: Distribution;
}

/** What one bench has found. */
export interface Report {
  readonly bench: string;
  /** What is measured, in one line. */
  readonly title: string;
  /** The measure itself first, then its yardsticks. */
  readonly rows: readonly [Row, ...Row[]];
  /** Beside the first row's; names end in their unit. */
  readonly figures: Readonly<Record<string, number>>;
  readonly notes?: readonly string[];
}

/** One line for machines: the first row, and every further figure. */
export function jsonLine({ bench, figures, rows: [{ distribution, unit }] }: Report): string {
  const suffix = unit.toLowerCase();
  const { n, p50, p90, p99, max } = distribution;
  const measured = {
    n,
    [`p50_${suffix}`]: p50,
    [`p90_${suffix}`]: p90,
    [`p99_${suffix}`]: p99,
    [`max_${suffix}`]: max,
  };
  return JSON.stringify({ bench, ...measured, ...figures }, (_key, value: unknown) =>
    typeof value === 'number' ? rounded(value) : value,
  );
}

export function table({ bench, figures, notes = [], rows, title }: Report): string {
  const cells = rows.map(({ what, unit, distribution: { n, p50, p90, p99, max } }) => [
    `${what}, ${unit}`,
    String(n),
    ...[p50, p90, p99, max].map(shown),
  ]);
  const width = Math.max(...cells.map(([what = '']) => what.length));
  const line = ([what = '', ...numbers]: readonly string[]): string =>
    `  ${what.padEnd(width)}${numbers.map((number) => number.padStart(10)).join('')}`;
  const names = Object.entries(figures).map(
    ([name, value]) => `  ${name.padEnd(width)}${shown(value).padStart(10)}`,
  );
  return [
    `${bench}: ${title}`,
    line(['', 'n', 'p50', 'p90', 'p99', 'max']),
    ...cells.map(line),
    ...names,
    ...notes.map((note) => `  ${note}`),
  ].join('\n');
}

/** Three digits say what a measurement can say. */
function shown(value: number): string {
  return Number.isInteger(value)
    ? String(value)
    : value >= 100
      ? value.toFixed(0)
      : value >= 10
        ? value.toFixed(1)
        : value.toFixed(2);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
