// Makes the folders generated/ of the driver from proto/: the types of the messages and services, and descriptor.json, with
// which the driver serves them without a .proto file or its parser at run time.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import protobuf from 'protobufjs';
import { filesUnder, runGenerator, syncGeneratedFolder } from './generated-folder.ts';
import type { GeneratedFiles, SyncOptions } from './generated-folder.ts';

const root = dirname(import.meta.dirname);
const protoFolder = join(root, 'proto');

/** A folder for what is loaded together: the Workload API only when a volume asks for it. */
const outputs: Readonly<Record<string, readonly string[]>> = {
  'src/driver/csi/generated': ['csi.proto', 'pluginregistration.proto'],
  'src/driver/workload-api/generated': ['workloadapi.proto'],
};

/** Options of @grpc/proto-loader that the generated types are true for: the driver must load with the same. */
const typeOptions = [
  '--keepCase',
  '--longs=Number',
  '--enums=String',
  '--defaults',
  '--oneofs',
  '--includeComments',
  '--grpcLib=@grpc/grpc-js',
  '--targetFileExtension=.ts',
  '--importFileExtension=.ts',
];

/** Brings the generated folders up to date; answers the paths that were not. */
export async function generateProto(options: SyncOptions): Promise<string[]> {
  const all: string[] = [];
  for (const [output, protoFiles] of Object.entries(outputs)) {
    const stale = await syncGeneratedFolder(join(root, output), await generatedProto(protoFiles), options);
    all.push(...stale.map((path) => `${output}/${path}`));
  }
  return all;
}

async function generatedProto(protoFiles: readonly string[]): Promise<GeneratedFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'certmount-proto-'));
  try {
    const generator = createRequire(import.meta.url).resolve(
      '@grpc/proto-loader/build/bin/proto-loader-gen-types.js',
    );
    const files = protoFiles.map((file) => join('proto', file));
    await promisify(execFile)(process.execPath, [generator, ...typeOptions, '-O', folder, ...files], {
      cwd: root,
    });
    const generated = new Map<string, string>();
    for (const path of await filesUnder(folder)) {
      generated.set(path, await readFile(join(folder, path), 'utf8'));
    }
    generated.set('descriptor.json', `${JSON.stringify(descriptor(protoFiles), undefined, 1)}\n`);
    return generated;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What `fromJSON` of @grpc/proto-loader takes: all services and messages, with the field names as written. */
function descriptor(protoFiles: readonly string[]): protobuf.INamespace {
  // One file after the other: loaded at once, the order of the services would be that in which the disk answers.
  return new protobuf.Root()
    .loadSync(
      protoFiles.map((file) => join(protoFolder, file)),
      { keepCase: true },
    )
    .toJSON();
}

if (import.meta.main) await runGenerator('generate-proto', generateProto);
