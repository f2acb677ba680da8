import type { PodVolume } from '../../api/core.ts';
import { AttributeReader } from '../../driver/volume/attributes/attribute-reader.ts';
import { collectAttributes } from '../../driver/volume/attributes/collect-attributes.ts';
import { defaultsOf } from '../../driver/volume/attributes/compatibility.ts';
import { startOf } from '../../driver/volume/attributes/gates.ts';
import { VolumeError } from '../../driver/volume/volume-error.ts';
import type { VolumeSpec } from '../../driver/volume/volume-spec.ts';
import { compatibilityOf } from '../driver-names.ts';
import { issuerName } from './request-facts.ts';

const shown = ['issuer-name', 'issuer-kind', 'issuer-group', 'renew-before', 'start'];

export interface VolumeAttributes {
  /** As {@link issuerName}; undefined where it is left to the driver's default. */
  readonly issuer: string | undefined;
  /** Milliseconds. */
  readonly renewBefore: number | undefined;
  readonly start: VolumeSpec['start'];
}

/** What of a volume's attributes is shown, as its driver reads them; what it would refuse counts as not given. */
export function volumeAttributes({ csi }: PodVolume): VolumeAttributes {
  const given = Object.entries(csi?.volumeAttributes ?? {}).filter(([key]) =>
    shown.includes(key.slice(key.lastIndexOf('/') + 1)),
  );
  const { groups } = defaultsOf[compatibilityOf(csi?.driver ?? '')];
  const read = <T>(of: (reader: AttributeReader) => T): T | undefined => {
    try {
      return of(new AttributeReader(collectAttributes(Object.fromEntries(given), groups), {}, undefined));
    } catch (error) {
      if (error instanceof VolumeError) return undefined;
      throw error;
    }
  };
  return {
    issuer: read((reader) => {
      const name = reader.text('issuer-name');
      const kind = reader.text('issuer-kind') ?? '';
      return name && issuerName({ name, kind, group: reader.text('issuer-group') ?? '' });
    }),
    renewBefore: read((reader) => reader.duration('renew-before', 1, '1ms')),
    start: read(startOf) ?? 'with-certificate',
  };
}
