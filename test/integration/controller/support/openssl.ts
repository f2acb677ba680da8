import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CertificateRequest } from '../../../../src/api/certificate-request.ts';
import { fromBase64 } from '../../../unit/controller/builders.ts';

const run = promisify(execFile);

/**
 * Has OpenSSL verify what a request was given, as a TLS peer that trusts its status.ca would.
 *
 * @returns `openssl x509 -text` of the leaf
 */
export async function verifyIssued({ status }: CertificateRequest): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'certmount-openssl-'));
  try {
    const [ca, chain] = [join(folder, 'ca.pem'), join(folder, 'chain.pem')];
    await writeFile(ca, fromBase64(status?.ca));
    await writeFile(chain, fromBase64(status?.certificate));
    await run('openssl', ['verify', '-x509_strict', '-CAfile', ca, '-untrusted', chain, chain]);
    return (await run('openssl', ['x509', '-in', chain, '-noout', '-text'])).stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
