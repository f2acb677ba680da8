import { PkiError } from '../errors.ts';
import type { DerReader } from './reader.ts';
import { tag } from './tag.ts';
import { encode } from './writer.ts';

/** UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5). Fractions of a second are cut off. */
export function encodeTime(time: Date): Buffer {
  const year = time.getUTCFullYear();
  // Also false for an invalid date, whose year is NaN.
  if (!(year >= 1950 && year <= 9999))
    throw new PkiError('invalid-template', 'a certificate can only carry dates of the years 1950 to 9999');
  const text = time
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  return year < 2050
    ? encode(tag.utcTime, Buffer.from(text.slice(2), 'latin1'))
    : encode(tag.generalizedTime, Buffer.from(text, 'latin1'));
}

/** Reads a Time: always to the second and in UTC, as RFC 5280 §4.1.2.5.1 and .2 demand. */
export function readTime(reader: DerReader): Date {
  const element = reader.any();
  const text = element.content.toString('latin1');
  let full: string | undefined;
  if (element.tag === tag.utcTime && /^\d{12}Z$/.test(text)) full = (text < '50' ? '20' : '19') + text;
  if (element.tag === tag.generalizedTime && /^\d{14}Z$/.test(text)) full = text;
  if (full === undefined) throw reader.malformed('a time is wrong');
  const iso = full.replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6.000Z');
  const time = new Date(iso);
  // Date rolls 31 February over; a certificate must not.
  if (Number.isNaN(time.getTime()) || time.toISOString() !== iso)
    throw reader.malformed('a time does not exist');
  return time;
}
