import type { KeyEncoding, KeySpec } from '../../../../pki/index.ts';
import type { AttributeReader } from '../attribute-reader.ts';
import type { VolumeSpec } from '../../volume-spec.ts';
import type { AttributeDefaults, KeyAlgorithm } from '../compatibility.ts';

const algorithms = ['RSA', 'ECDSA', 'Ed25519'] as const satisfies readonly KeyAlgorithm[];
const encodings = ['PKCS1', 'SEC1', 'PKCS8'] as const satisfies readonly KeyEncoding[];

const encodingsOf: Record<KeyAlgorithm, readonly KeyEncoding[]> = {
  RSA: ['PKCS8', 'PKCS1'],
  ECDSA: ['PKCS8', 'SEC1'],
  Ed25519: ['PKCS8'],
};

export function readKey(reader: AttributeReader, defaults: AttributeDefaults): VolumeSpec['key'] {
  const algorithm = reader.choice('key-algorithm', algorithms) ?? defaults.algorithm;
  const encoding = reader.choice('key-encoding', encodings) ?? defaults.encodings[algorithm];
  if (!encodingsOf[algorithm].includes(encoding)) {
    throw reader.refuse(
      'key-encoding',
      `an ${algorithm} key can be in ${encodingsOf[algorithm].join(' or ')}`,
    );
  }
  return { spec: readSpec(reader, algorithm), encoding, reuse: reader.boolean('reuse-private-key') ?? false };
}

function readSpec(reader: AttributeReader, algorithm: KeyAlgorithm): KeySpec {
  switch (algorithm) {
    case 'RSA': {
      const size = reader.integer('key-size', 2048, 8192) ?? 2048;
      // A modulus that is no whole number of bytes gains nothing and trips up other implementations.
      if (size % 8 !== 0) throw reader.refuse('key-size', 'must be a multiple of 8');
      return { algorithm, size };
    }
    case 'ECDSA': {
      const size = reader.integer('key-size', 1, 8192) ?? 256;
      if (size !== 256 && size !== 384 && size !== 521) {
        throw reader.refuse('key-size', 'must be 256, 384 or 521 for an ECDSA key');
      }
      return { algorithm, size };
    }
    case 'Ed25519':
      if (reader.text('key-size') !== undefined)
        throw reader.refuse('key-size', 'an Ed25519 key has no size: leave it out');
      return { algorithm };
  }
}
