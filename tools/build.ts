// Builds dist/certmount.mjs and dist/THIRD-PARTY-LICENSES.txt. What only one of the programs or only development needs lies in
// dist/chunks/ and is loaded when it is used, because every line that is loaded costs resident memory on each node.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { root } from './run-command.ts';

export const bundlePath = join(root, 'dist/certmount.mjs');

/** @returns bytes of all files together */
export async function buildBundle(): Promise<number> {
  const { metafile, outputFiles } = await build({
    write: false,
    absWorkingDir: root,
    entryPoints: { certmount: 'src/entry.ts' },
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    splitting: true,
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    minify: true,
    // Names of errors and classes stay readable in logs.
    keepNames: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    // CommonJS packages in an ESM bundle call require for Node's own modules.
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    plugins: [lazyBuiltins],
  });
  const entry = metafile.outputs['dist/certmount.mjs'];
  // Chunks are for the Node that is needed; the entry looks which one there is.
  if (entry?.imports.some(({ external, kind }) => kind === 'import-statement' && external !== true))
    throw new Error('dist/certmount.mjs imports a chunk before it has looked at the version of Node');
  const licensesFile = join(root, 'dist/THIRD-PARTY-LICENSES.txt');
  replaceFiles([
    ...outputFiles.map(({ contents, path }) => ({ path, contents })),
    { path: licensesFile, contents: licenses(metafile) },
  ]);
  return Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** File by file: programs and tests that run from dist/ meanwhile see the whole old one or the whole new one. */
function replaceFiles(
  files: readonly { readonly path: string; readonly contents: string | Uint8Array }[],
): void {
  // Not in dist/, which whoever puts an image together copies as it finds it.
  const unfinished = mkdtempSync(join(root, '.dist-'));
  try {
    for (const { contents, path } of files) {
      const whole = join(unfinished, basename(path));
      writeFileSync(whole, contents, { mode: path.endsWith('certmount.mjs') ? 0o755 : 0o644 });
      mkdirSync(dirname(path), { recursive: true });
      renameSync(whole, path);
    }
  } finally {
    rmSync(unfinished, { recursive: true });
  }
  const kept = new Set(files.map(({ path }) => path));
  for (const folder of ['dist', 'dist/chunks']) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(root, folder, entry.name);
      if (entry.isFile() && !kept.has(path)) rmSync(path, { force: true });
    }
  }
}

/**
 * An ESM import of node:http and its like runs all lazy getters of the module, which loads undici and costs 14 MB of resident
 * memory in each process. Taken from getBuiltinModule they load what is used.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^node:/ }, ({ kind, path }) =>
      kind === 'import-statement' ? { path, namespace: 'builtin' } : { path, external: true },
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }));
  },
};

/** The licence of every package that a line of the bundle comes from. */
function licenses(metafile: Metafile): string {
  const packages = new Set<string>();
  for (const input of Object.keys(metafile.inputs)) {
    const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder !== undefined) packages.add(folder);
  }
  return [...packages]
    .sort()
    .map(license)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function license(folder: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const { license: name, name: packageName, version } = manifest as Record<string, string>;
  const file = readdirSync(join(root, folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  const text = file === undefined ? `Licence: ${name}\n` : readFileSync(join(root, folder, file), 'utf8');
  return `${packageName} ${version} (${name})\n\n${text}`;
}

if (import.meta.main) {
  const bytes = await buildBundle();
  console.log(`dist/certmount.mjs: ${Math.round(bytes / 1024)} KiB, with dist/THIRD-PARTY-LICENSES.txt`);
}
