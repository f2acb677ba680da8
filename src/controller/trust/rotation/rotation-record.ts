import { rotationPhases } from './rotation.ts';
import type { Authority, FormerAnchor, Rotation, SigningAuthority } from './rotation.ts';

/** On an issuer's AnchorSet: where the issuer stands, for the controller that comes after. */
export const rotationRecordAnnotation = 'certmount.io/ca-rotation-state';

/** The state as JSON with readable times, the same for the same state. Nothing in it is secret. */
export function rotationRecord(rotation: Rotation): string {
  return JSON.stringify(rotation, (key, value: unknown) => {
    if (typeof value === 'number') return timeFields.has(key) ? new Date(value).toISOString() : value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Undefined for what is no record: anybody who may edit AnchorSets may have written it. */
export function parseRotationRecord(text: string | undefined): Rotation | undefined {
  if (text === undefined) return undefined;
  try {
    return readRotation(fieldsOf(JSON.parse(text)));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RecordError) return undefined;
    throw error;
  }
}

/** A field is not what it is in a record. */
class RecordError extends Error {
  override readonly name = 'RecordError';
}

const timeFields: ReadonlySet<string> = new Set(['since', 'until', 'notAfter', 'signedUntil']);

type Fields = Readonly<Record<string, unknown>>;

function readRotation(fields: Fields): Rotation {
  const phase = rotationPhases.find((one) => one === fields['phase']);
  const spread = { since: timeOf(fields['since']), established: idsOf(fields['established']) };
  switch (phase) {
    case 'steady':
      return { ...spread, phase, signing: readSigning(fields['signing']) };
    case 'draining':
      return {
        ...spread,
        phase,
        signing: readSigning(fields['signing']),
        former: readFormer(fields['former']),
      };
    case 'waiting':
      return { ...spread, phase, next: readAuthority(fields['next']), former: readFormer(fields['former']) };
    case 'spreading':
      return {
        ...spread,
        phase,
        signing: readSigning(fields['signing']),
        next: readAuthority(fields['next']),
        former: readFormer(fields['former']),
      };
    case undefined:
      throw new RecordError('not a phase');
  }
}

function readSigning(value: unknown): SigningAuthority {
  return { ...readAuthority(value), signedUntil: timeOf(fieldsOf(value)['signedUntil']) };
}

function readAuthority(value: unknown): Authority {
  const fields = fieldsOf(value);
  return {
    id: idOf(fields['id']),
    anchors: idsOf(fields['anchors']),
    under: idsOf(fields['under']),
    notAfter: timeOf(fields['notAfter']),
  };
}

function readFormer(value: unknown): readonly FormerAnchor[] {
  return listOf(value).map((one) => {
    const fields = fieldsOf(one);
    return { anchor: idOf(fields['anchor']), until: timeOf(fields['until']) };
  });
}

function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw new RecordError('not an object');
  return value as Fields;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new RecordError('not a list');
  return value;
}

function idsOf(value: unknown): readonly string[] {
  return listOf(value).map(idOf);
}

function idOf(value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) throw new RecordError('not a fingerprint');
  return value;
}

function timeOf(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (!Number.isFinite(time)) throw new RecordError('not a time');
  return time;
}
