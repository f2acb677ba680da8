import { type CelFunc, celFunc, CelScalar } from '@bufbuild/cel';

const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const special = /^([+-]?)(inf|infinity|nan)$/i;

/** Numbers from text, where the library takes more for one than cel-go: there text that is none gives no answer. */
export const numberFunctions: readonly CelFunc[] = [
  celFunc('int', [CelScalar.STRING], CelScalar.INT, (text) => {
    if (!/^[+-]?\d+$/.test(text)) throw new Error('the text is no integer');
    const value = BigInt(text.replace(/^\+/, ''));
    if (BigInt.asIntN(64, value) !== value) throw new Error('the integer is out of range');
    return value;
  }),
  celFunc('double', [CelScalar.STRING], CelScalar.DOUBLE, (text) => {
    if (decimal.test(text)) return Number(text);
    const [, sign, name] = special.exec(text) ?? [];
    if (name === undefined) throw new Error('the text is no number');
    if (/nan/i.test(name)) return Number.NaN;
    return sign === '-' ? -Infinity : Infinity;
  }),
];
