import { type CelFunc, celMethod, CelScalar, listType } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';

const { INT, STRING } = CelScalar;
const texts = listType(STRING);

/** Where the library's extension of strings is not as cel-go's, for which policies are written (ext/strings.go there). */
const asInCelGo: readonly CelFunc[] = [
  celMethod('charAt', STRING, [INT], STRING, function (index) {
    const at = within(this, index);
    return sliceOf(this, at, at + 1);
  }),
  celMethod('indexOf', STRING, [STRING], INT, function (part) {
    return indexOf(this, part, 0);
  }),
  celMethod('indexOf', STRING, [STRING, INT], INT, function (part, from) {
    return indexOf(this, part, notNegative(from));
  }),
  celMethod('lastIndexOf', STRING, [STRING], INT, function (part) {
    return lastIndexOf(this, part, part === '' ? lengthOf(this) : lengthOf(this) - 1);
  }),
  celMethod('lastIndexOf', STRING, [STRING, INT], INT, function (part, from) {
    return lastIndexOf(this, part, notNegative(from));
  }),
  celMethod('replace', STRING, [STRING, STRING], STRING, function (part, by) {
    return replace(this, part, by, -1);
  }),
  celMethod('replace', STRING, [STRING, STRING, INT], STRING, function (part, by, most) {
    return replace(this, part, by, Number(most));
  }),
  celMethod('split', STRING, [STRING], texts, function (separator) {
    return split(this, separator, -1);
  }),
  celMethod('split', STRING, [STRING, INT], texts, function (separator, most) {
    return split(this, separator, Number(most));
  }),
  celMethod('substring', STRING, [INT], STRING, function (start) {
    return sliceOf(this, within(this, start), lengthOf(this));
  }),
  celMethod('substring', STRING, [INT, INT], STRING, function (start, end) {
    const [from, to] = [within(this, start), within(this, end)];
    if (from > to) throw new Error(`the substring from ${from} to ${to} ends before it starts`);
    return sliceOf(this, from, to);
  }),
  celMethod('reverse', STRING, [], STRING, function () {
    return Array.from(this).reverse().join('');
  }),
];

/** The extension of strings. */
export const stringFunctions: readonly CelFunc[] = [
  ...strings.filter(({ name }) => !asInCelGo.some((own) => own.name === name)),
  ...asInCelGo,
];

function indexOf(text: string, part: string, from: number): bigint {
  const length = lengthOf(text);
  if (part === '') return BigInt(Math.min(from, length));
  return from >= length ? -1n : pointsBefore(text, text.indexOf(part, unitsBefore(text, from)));
}

function lastIndexOf(text: string, part: string, from: number): bigint {
  const length = lengthOf(text);
  if (part === '') return BigInt(Math.min(from, length));
  return from < 0 || from >= length
    ? -1n
    : pointsBefore(text, text.lastIndexOf(part, unitsBefore(text, from)));
}

/** @param most of the replacements; all when negative */
function replace(text: string, part: string, by: string, most: number): string {
  if (most === 0) return text;
  if (part !== '') return split(text, part, most < 0 ? most : most + 1).join(by);
  // Before each character, and at the end.
  const characters = Array.from(text);
  const places = most < 0 ? characters.length + 1 : Math.min(most, characters.length + 1);
  const before = characters.map((character, index) => (index < places ? by : '') + character);
  return before.join('') + (places > characters.length ? by : '');
}

/** @param most of the parts, of which the last holds the rest; all when negative */
function split(text: string, separator: string, most: number): string[] {
  const parts = separator === '' ? Array.from(text) : text.split(separator);
  if (most < 0 || most >= parts.length) return parts;
  return most === 0 ? [] : [...parts.slice(0, most - 1), parts.slice(most - 1).join(separator)];
}

// Offsets count code points in CEL, and UTF-16 units in JavaScript.

function lengthOf(text: string): number {
  return hasPairs(text) ? Array.from(text).length : text.length;
}

function sliceOf(text: string, from: number, to: number): string {
  return hasPairs(text) ? Array.from(text).slice(from, to).join('') : text.slice(from, to);
}

function unitsBefore(text: string, points: number): number {
  return sliceOf(text, 0, points).length;
}

function pointsBefore(text: string, units: number): bigint {
  return BigInt(units < 0 ? -1 : lengthOf(text.slice(0, units)));
}

function hasPairs(text: string): boolean {
  return /[\uD800-\uDBFF]/.test(text);
}

function notNegative(index: bigint): number {
  if (index < 0n) throw new Error(`index ${index} is out of range`);
  return Number(index);
}

function within(text: string, index: bigint): number {
  if (index < 0n || index > BigInt(lengthOf(text))) throw new Error(`index ${index} is out of range`);
  return Number(index);
}
