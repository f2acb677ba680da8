import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { promisify } from 'node:util';
import { tar, type TarEntry } from './images/tar.ts';

/** One file of an image. `to` is absolute; missing folders above it are made. */
export type ImageFile =
  | { readonly to: string; readonly from: string; readonly mode?: number }
  | { readonly to: string; readonly content: string | Uint8Array; readonly mode?: number }
  | { readonly to: string; readonly link: string }
  | { readonly to: string; readonly directory: true; readonly mode?: number };

export interface ImageSpec {
  /** With host and tag, such as `certmount.io/test/certmount:dev`. */
  readonly name: string;
  readonly files: readonly ImageFile[];
  /** A layer below, which a node takes in and unpacks once for all images that have the same. */
  readonly base?: readonly ImageFile[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Such as `65532` or `65532:65532`. */
  readonly user?: string;
  readonly workdir?: string;
}

/** An image as its blobs, by digest. */
export interface Image {
  readonly name: string;
  readonly index: Buffer;
  readonly blobs: ReadonlyMap<string, Buffer>;
}

export async function buildImage(spec: ImageSpec): Promise<Image> {
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, blob: Buffer): Descriptor => {
    const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`;
    blobs.set(digest, blob);
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest, size: blob.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

  const layers: Descriptor[] = [];
  for (const files of [spec.base ?? [], spec.files]) {
    if (files.length > 0) layers.push(add('layer.v1.tar', tar(await layerEntries(files))));
  }
  const config = add('config.v1+json', json(imageConfig(spec, layers)));
  const manifest = add(
    'manifest.v1+json',
    json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers }),
  );
  const annotations = { 'io.containerd.image.name': spec.name };
  return {
    name: spec.name,
    blobs,
    index: json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  };
}

/**
 * An OCI archive, as `ctr images import` takes it.
 *
 * @param known digests of blobs that the receiver has already; they are left out
 */
export function archiveImage(image: Image, known: ReadonlySet<string> = new Set()): Buffer {
  const files = new Map<string, Buffer>([['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')]]);
  for (const [digest, blob] of image.blobs) {
    if (!known.has(digest)) files.set(`blobs/${digest.replace(':', '/')}`, blob);
  }
  files.set('index.json', image.index);
  return tar([...files].map(([path, content]) => ({ type: 'file', path, mode: 0o644, content })));
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function imageConfig(spec: ImageSpec, layers: readonly Descriptor[]): unknown {
  return {
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    config: {
      Env: Object.entries({ PATH: searchPath, ...spec.env }).map(([name, value]) => `${name}=${value}`),
      Entrypoint: spec.entrypoint,
      Cmd: spec.cmd,
      User: spec.user,
      WorkingDir: spec.workdir ?? '/',
    },
    // Layers are not compressed: their own digest is that of their content.
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    history: layers.map(() => ({ created_by: 'certmount test cluster' })),
  };
}

/** A program of the machine with the shared libraries that it loads, at the same paths. */
export async function programFiles(from: string, to = from): Promise<ImageFile[]> {
  return [{ from: realpathSync(from), to, mode: 0o755 }, ...(await sharedLibraries(from))];
}

/** busybox as a shell with its usual commands in /bin. Static: it needs nothing else. */
export async function shellFiles(busybox: string): Promise<ImageFile[]> {
  const { stdout } = await run(busybox, ['--list']);
  const applets = stdout.trim().split('\n');
  return [
    { from: busybox, to: '/bin/busybox', mode: 0o755 },
    ...applets.filter((name) => name !== 'busybox').map((name) => ({ to: `/bin/${name}`, link: 'busybox' })),
  ];
}

/** What programs expect of any system: users, a world-writable /tmp, name resolution by files and DNS. */
export const systemFiles: readonly ImageFile[] = [
  { to: '/etc/passwd', content: 'root:x:0:0::/root:/bin/sh\nnonroot:x:65532:65532::/:/bin/sh\n' },
  { to: '/etc/group', content: 'root:x:0:\nnonroot:x:65532:\n' },
  { to: '/etc/nsswitch.conf', content: 'hosts: files dns\n' },
  { to: '/tmp', directory: true, mode: 0o1777 },
];

const searchPath = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';
const architectures: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };
const run = promisify(execFile);

async function sharedLibraries(program: string): Promise<ImageFile[]> {
  let stdout: string;
  try {
    ({ stdout } = await run('ldd', [program]));
  } catch {
    return []; // statically linked
  }
  // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`, and the loader as `/lib64/ld-linux-x86-64.so.2 (0x…)`.
  const paths = stdout.matchAll(/(?:=>\s+|^\s+)(\/\S+)\s+\(0x/gm).map((match) => match[1] ?? '');
  return [...paths].map((path) => ({ from: realpathSync(path), to: path, mode: 0o755 }));
}

/** The last of two files for one path wins; folders come before what is in them. */
async function layerEntries(files: readonly ImageFile[]): Promise<TarEntry[]> {
  const entries = new Map<string, TarEntry>();
  const addFolder = (path: string): void => {
    if (path === '' || path === '.' || entries.has(path)) return;
    addFolder(posix.dirname(path));
    entries.set(path, { type: 'directory', path, mode: 0o755 });
  };
  for (const file of files) {
    const path = posix.normalize(file.to).replace(/^\/+/, '').replace(/\/$/, '');
    addFolder(posix.dirname(path));
    entries.set(path, await entryOf(file, path));
  }
  return [...entries.values()];
}

async function entryOf(file: ImageFile, path: string): Promise<TarEntry> {
  if ('link' in file) return { type: 'link', path, target: file.link };
  if ('directory' in file) return { type: 'directory', path, mode: file.mode ?? 0o755 };
  const content = 'from' in file ? await readFile(file.from) : Buffer.from(file.content);
  return { type: 'file', path, mode: file.mode ?? 0o644, content };
}
