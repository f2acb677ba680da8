/** What outlives the driver's process of one volume: nothing secret. */
export interface VolumeRecord {
  readonly version: 1;
  readonly volumeId: string;
  readonly targetPath: string;
  /** `volume_context` without tokens: the attributes of the pod spec and the pod's names. */
  readonly context: Readonly<Record<string, string>>;
  readonly mountGroup: number | undefined;
  /** Name of the CertificateRequest of the present certificate. One under way is named by the volume itself. */
  readonly request: string;
}

const tokens = 'csi.storage.k8s.io/serviceAccount.tokens';

export function withoutTokens(context: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(context).filter(([key]) => key !== tokens));
}

/** @throws {TypeError} saying what is wrong with a record that is not one */
export function parseVolumeRecord(text: string): VolumeRecord {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new TypeError('not an object');
  const record = value as Record<string, unknown>;
  if (record['version'] !== 1) throw new TypeError(`version ${String(record['version'])} is not known`);
  const { context, mountGroup } = record;
  if (
    typeof context !== 'object' ||
    context === null ||
    !Object.values(context).every((v) => typeof v === 'string')
  ) {
    throw new TypeError('context is not a map of strings');
  }
  return {
    version: 1,
    volumeId: requireText(record, 'volumeId'),
    targetPath: requireText(record, 'targetPath'),
    context: context as Record<string, string>,
    mountGroup: optionalNumber(mountGroup, 'mountGroup'),
    request: requireText(record, 'request'),
  };
}

function requireText(record: Record<string, unknown>, field: string): string {
  const value = record[field];
  if (typeof value !== 'string' || value === '') throw new TypeError(`${field} is not a text`);
  return value;
}

function optionalNumber(value: unknown, field: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw new TypeError(`${field} is not a number`);
}
