import type { Certificate } from '../../../pki/index.ts';

export function toPem(certificates: readonly Certificate[]): string {
  return certificates.map(({ pem }) => pem).join('');
}
