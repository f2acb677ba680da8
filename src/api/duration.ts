import { ApiError } from './errors.ts';

/** Nanoseconds in each unit that Go's time.ParseDuration knows. */
const unitNanoseconds: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n], // U+00B5, which Go writes
  ['μs', 1_000n], // U+03BC, which Go reads too
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);

const longestNanoseconds = 2n ** 63n - 1n;
const wholeText = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const oneTerm = /(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g;

/**
 * Reads a duration as Go's time.ParseDuration does: "2160h", "1h30m", "1.5h", "-10s", "0".
 *
 * @returns milliseconds, with a fraction below one
 * @throws ApiError 'invalid-duration'; a lone number is one, because Go refuses it too
 */
export function parseDuration(text: string): number {
  if (/^[-+]?0$/.test(text)) return 0;
  if (text.length > 64 || !wholeText.test(text)) {
    throw new ApiError(
      'invalid-duration',
      `${JSON.stringify(text.slice(0, 64))} is not a duration: write it as in "2160h", "1h30m" or "90s"`,
    );
  }
  let nanoseconds = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of text.matchAll(oneTerm)) {
    const scale = unitNanoseconds.get(unit) ?? 0n;
    nanoseconds += BigInt(whole || '0') * scale;
    nanoseconds += (BigInt(fraction || '0') * scale) / 10n ** BigInt(fraction.length);
  }
  if (nanoseconds > longestNanoseconds) {
    throw new ApiError('invalid-duration', `${JSON.stringify(text)} is longer than 292 years`);
  }
  // Apart, because nanoseconds of more than 104 days are beyond a number's 53 bits.
  const milliseconds = Number(nanoseconds / 1_000_000n) + Number(nanoseconds % 1_000_000n) / 1e6;
  return text.startsWith('-') && milliseconds !== 0 ? -milliseconds : milliseconds;
}

/**
 * Writes a duration as Go does, which is how cert-manager's objects hold it: "2160h0m0s", "1m30s", "1.5s", "100ms".
 *
 * @param milliseconds rounded to whole nanoseconds
 */
export function formatDuration(milliseconds: number): string {
  const whole = Math.trunc(milliseconds);
  const nanoseconds = BigInt(whole) * 1_000_000n + BigInt(Math.round((milliseconds - whole) * 1e6));
  if (nanoseconds === 0n) return '0s';
  const sign = nanoseconds < 0n ? '-' : '';
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (size < 1_000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimal(size, 1_000n)}µs`;
  if (size < 1_000_000_000n) return `${sign}${decimal(size, 1_000_000n)}ms`;
  const minutes = size / 60_000_000_000n;
  const seconds = `${decimal(size % 60_000_000_000n, 1_000_000_000n)}s`;
  if (minutes === 0n) return sign + seconds;
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`;
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** value / unit, exactly and without trailing zeros. */
function decimal(value: bigint, unit: bigint): string {
  const digits = unit.toString().length - 1;
  const fraction = (value % unit).toString().padStart(digits, '0').replace(/0+$/, '');
  return fraction === '' ? `${value / unit}` : `${value / unit}.${fraction}`;
}
