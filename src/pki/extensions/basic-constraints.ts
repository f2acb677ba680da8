import { DerReader } from '../der/reader.ts';
import { tag } from '../der/tag.ts';
import { booleanTrue, sequence, smallInteger } from '../der/writer.ts';
import { PkiError } from '../errors.ts';

export interface BasicConstraints {
  readonly isCA: boolean;
  /** How many intermediate certificates may follow below. */
  readonly pathLength?: number;
}

export function encodeBasicConstraints({ isCA, pathLength }: BasicConstraints): Buffer {
  if (!isCA && pathLength !== undefined)
    throw new PkiError('invalid-template', 'a path length is only for certificates of authorities');
  if (pathLength !== undefined && !(Number.isInteger(pathLength) && pathLength >= 0 && pathLength < 128))
    throw new PkiError('invalid-template', `path length ${pathLength} is not a whole number from 0 to 127`);
  if (!isCA) return sequence();
  return pathLength === undefined
    ? sequence(booleanTrue())
    : sequence(booleanTrue(), smallInteger(pathLength));
}

export function decodeBasicConstraints(value: Buffer): BasicConstraints {
  const document = new DerReader(value, 'the basic constraints');
  const fields = document.enter();
  document.end();
  const isCA = fields.nextTag === tag.boolean && fields.boolean();
  const pathLength = fields.nextTag === tag.integer ? fields.smallInteger() : undefined;
  fields.end();
  if (!isCA && pathLength !== undefined)
    throw fields.malformed('a path length stands in a certificate of no authority');
  return pathLength === undefined ? { isCA } : { isCA, pathLength };
}
