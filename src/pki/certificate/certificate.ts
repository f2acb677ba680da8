import type { KeyObject } from 'node:crypto';
import type { DecodedUsages } from '../extensions/usages.ts';
import type { DecodedAltNames } from '../names/alt-names.ts';
import type { Subject } from '../names/subject.ts';

/** A decoded X.509 certificate. Nothing is verified by decoding it. */
export interface Certificate {
  /** Only version 3 has extensions. */
  readonly version: 1 | 2 | 3;
  /** Encoded anew: one block and nothing else, whatever it was read from. */
  readonly pem: string;
  readonly der: Buffer;
  /** With `raw`. */
  readonly subject: Subject;
  /** With `raw`. */
  readonly issuer: Subject;
  /** Hexadecimal, lower case, an even number of digits. */
  readonly serialNumber: string;
  readonly notBefore: Date;
  /** The last second in which it is valid. */
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  readonly altNames: DecodedAltNames;
  readonly sanCritical: boolean;
  /** Undefined when it has neither key usages nor extended ones. */
  readonly usages?: DecodedUsages;
  /** Undefined when it has no key usage extension, and so may be used for everything. */
  readonly keyUsageCritical?: boolean;
  readonly isCA: boolean;
  readonly pathLength?: number;
  /** Hexadecimal, lower case. */
  readonly subjectKeyId?: string;
  /** Hexadecimal, lower case. */
  readonly authorityKeyId?: string;
  /** The DER NameConstraints. */
  readonly nameConstraints?: Buffer;
  /** Object identifiers of critical extensions that are not understood: such a certificate must not be trusted. */
  readonly unknownCriticalExtensions: readonly string[];
  /** For verifying it: the part that is signed, how and with what result. */
  readonly signed: {
    readonly part: Buffer;
    readonly algorithm: Buffer;
    readonly signature: Buffer;
  };
}
