import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** PEM. */
export interface CaPair {
  readonly certificate: string;
  readonly key: string;
}

/** A CA that OpenSSL made: a Secret that holds it, and a ClusterIssuer that signs with it. */
export async function clusterIssuerWithCa(
  name: string,
  secretNamespace = 'certmount',
): Promise<{ readonly manifests: readonly object[]; readonly certificate: string }> {
  const { certificate, key } = await createCaPair(name);
  return { manifests: manifestsOf(name, secretNamespace, certificate, key), certificate };
}

/** By OpenSSL: a root that signs, valid for 30 days. */
export async function createCaPair(commonName: string): Promise<CaPair> {
  const folder = await mkdtemp(join(tmpdir(), 'certmount-ca-'));
  try {
    const [key, certificate] = [join(folder, 'ca.key'), join(folder, 'ca.crt')];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...[
        '-subj',
        `/CN=${commonName}`,
        '-addext',
        'basicConstraints=critical,CA:TRUE',
        '-addext',
        'keyUsage=critical,keyCertSign,cRLSign',
      ],
      ...['-keyout', key, '-out', certificate],
    ]);
    return { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
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
