import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A CA that OpenSSL made: a Secret that holds it, and a ClusterIssuer that signs with it. */
export async function clusterIssuerWithCa(
  name: string,
  secretNamespace = 'certmount',
): Promise<{ readonly manifests: readonly object[]; readonly certificate: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'certmount-ca-'));
  try {
    const [key, certificate] = [join(folder, 'ca.key'), join(folder, 'ca.crt')];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...[
        '-subj',
        `/CN=${name}`,
        '-addext',
        'basicConstraints=critical,CA:TRUE',
        '-addext',
        'keyUsage=critical,keyCertSign,cRLSign',
      ],
      ...['-keyout', key, '-out', certificate],
    ]);
    const pem = await readFile(certificate, 'utf8');
    return {
      manifests: manifestsOf(name, secretNamespace, pem, await readFile(key, 'utf8')),
      certificate: pem,
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function manifestsOf(name: string, namespace: string, certificate: string, key: string): object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': certificate, 'tls.key': key },
    },
    {
      apiVersion: 'cert-manager.io/v1',
      kind: 'ClusterIssuer',
      metadata: { name },
      spec: { ca: { secretName: name } },
    },
  ];
}
