import { type Certificate, fingerprint } from '../../../pki/index.ts';

/**
 * From 0 to 1, evenly spread over certificates, whose serial numbers and signatures are random. The same each time for
 * one certificate, so that a restart of the driver moves no renewal.
 */
export function renewalSpread(leaf: Certificate): number {
  return Number.parseInt(fingerprint(leaf.der).slice(0, 8), 16) / 2 ** 32;
}
