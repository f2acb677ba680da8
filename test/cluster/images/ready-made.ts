import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type ImageFile, type ImageSpec, programFiles, shellFiles, systemFiles } from '../images.ts';
import { stderrLog } from '../log.ts';
import { pauseImage } from '../node/containerd.ts';
import { findPrograms } from '../node/packages.ts';

/** The sandbox container that holds a pod's namespaces. Loaded into every node. */
export function pauseImageSpec(busybox: string): ImageSpec {
  return {
    name: pauseImage,
    files: [{ from: busybox, to: '/busybox', mode: 0o755 }],
    entrypoint: ['/busybox', 'sleep', '2147483647'],
    user: '65535',
  };
}

/** A shell with its usual commands. Loaded into every node. */
export async function busyboxImageSpec(busybox: string): Promise<ImageSpec> {
  return {
    name: 'certmount.io/test/busybox:1',
    files: [...systemFiles, ...(await shellFiles(busybox))],
    cmd: ['sh'],
  };
}

export interface CertmountImageOptions {
  readonly name?: string;
  /** What `npm run build` makes. Default: `dist` of this clone. */
  readonly dist?: string;
  readonly files?: readonly ImageFile[];
  readonly entrypoint?: readonly string[];
}

/** The product's own image, as the Dockerfile makes it: Node with its libraries, the bundle, no shell, no mount(8). */
export async function certmountImageSpec(options: CertmountImageOptions = {}): Promise<ImageSpec> {
  const dist = options.dist ?? join(repository, 'dist');
  const bundle = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((from) => ({ from, to: `/certmount/${relative(dist, from)}` }));
  return {
    name: options.name ?? 'certmount.io/test/certmount:dev',
    base: await nodeFiles(),
    files: [...bundle, ...(options.files ?? [])],
    entrypoint: options.entrypoint ?? ['/usr/local/bin/node', '/certmount/certmount.mjs'],
    env: { NODE_ENV: 'production' },
    user: '65532:65532',
  };
}

/** For test pods: Node, openssl and a shell. */
export async function workloadImageSpec(
  busybox: string,
  options: { readonly name?: string; readonly files?: readonly ImageFile[] } = {},
): Promise<ImageSpec> {
  const { openssl } = await findPrograms(['openssl'], stderrLog);
  return {
    name: options.name ?? 'certmount.io/test/workload:dev',
    base: await nodeFiles(),
    files: [
      ...(await shellFiles(busybox)),
      ...(await programFiles(openssl, '/usr/bin/openssl')),
      { from: '/etc/ssl/openssl.cnf', to: '/usr/lib/ssl/openssl.cnf' },
      ...(options.files ?? []),
    ],
    cmd: ['sh'],
  };
}

const repository = join(import.meta.dirname, '..', '..', '..');

/** The Node that runs this, which is the one that the repository brings. */
async function nodeFiles(): Promise<ImageFile[]> {
  return [...systemFiles, ...(await programFiles(process.execPath, '/usr/local/bin/node'))];
}
