const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** As kubectl writes an age: the two largest units, as in "5d3h", "12m4s", "41s". */
export function durationText(milliseconds: number): string {
  const whole = Math.max(0, Math.floor(milliseconds / 1_000)) * 1_000;
  const index = units.findIndex(([, size]) => whole >= size);
  const [first, second] = index < 0 ? [] : units.slice(index, index + 2);
  if (first === undefined) return '0s';
  const count = Math.floor(whole / first[1]);
  const rest = second === undefined ? 0 : Math.floor((whole % first[1]) / second[1]);
  return `${count}${first[0]}${rest === 0 || second === undefined ? '' : `${rest}${second[0]}`}`;
}

/** "in 5d3h" or "12m ago". */
export function distanceText(time: number, now: number): string {
  return time >= now ? `in ${durationText(time - now)}` : `${durationText(now - time)} ago`;
}
