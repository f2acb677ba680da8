import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateAuthority } from '../credentials/certificate-authority.ts';
import type { Layout } from './layout.ts';

/** Writes the keys and certificates that the components' flags name. */
export async function writePkiFiles(
  { dir, address, serviceRange }: Layout,
  ca: CertificateAuthority,
): Promise<void> {
  const serviceAddress = serviceRange.replace(/\.0\/\d+$/, '.1');
  const server = await ca.issueServer([
    ...new Set([address, serviceAddress, '127.0.0.1']),
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ]);
  const kubeletClient = await ca.issueClient({ user: 'kube-apiserver', groups: ['system:masters'] });
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const files = {
    'ca.crt': ca.certificatePem,
    'ca.key': ca.keyPem,
    'server.crt': server.cert,
    'server.key': server.key,
    'kubelet-client.crt': kubeletClient.cert,
    'kubelet-client.key': kubeletClient.key,
    'service-accounts.pub': publicKey.export({ type: 'spki', format: 'pem' }),
    'service-accounts.key': privateKey.export({ type: 'sec1', format: 'pem' }),
  };
  mkdirSync(join(dir, 'pki'), { mode: 0o700 });
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(dir, 'pki', name), text, { mode: 0o600 });
}
