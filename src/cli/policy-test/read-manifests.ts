import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { text } from '../../api/crds/schema.ts';
import type { KubeObject } from '../../kube/object.ts';
import { ToolError, type ToolIo } from '../../runtime/tool.ts';
import { knownKind } from './kinds.ts';
import { isObject, schemaFaults } from './schema-faults.ts';

/** An object, and the file that it is from. */
export interface Manifest {
  readonly path: string;
  readonly object: KubeObject;
}

/** Of a folder these are read, and none below it, as kubectl does. */
const manifestName = /\.(?:json|ya?ml)$/;

/** What kubectl reads: 1.1, with merges and "yes" for true, but times and 12:30:45 are texts. */
const dialect = {
  version: '1.1',
  customTags: (tags: { tag?: string; format?: string }[]) =>
    tags.filter(({ format, tag }) => tag !== 'tag:yaml.org,2002:timestamp' && format !== 'TIME'),
};

/**
 * The objects of files and folders of manifests: of all their documents, and of lists in them. Those that are looked at
 * have the form that the API server takes.
 *
 * @throws {ToolError} that names the file, and the object with what is wrong with it
 */
export async function readManifests(
  paths: readonly string[],
  io: Pick<ToolIo, 'readFile' | 'readFolder'>,
): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const path of paths) {
    const names = path === '-' ? undefined : await io.readFolder(path);
    const files = names
      ?.filter((name) => manifestName.test(name))
      .map((name) => join(path, name))
      .sort();
    if (files?.length === 0) throw new ToolError(`${path}: there is no .yaml, .yml or .json file in it`);
    for (const file of files ?? [path])
      for (const value of parseDocuments(file, await readText(file, io))) collect(file, value, manifests);
  }
  return manifests;
}

/** For messages: `app.yaml: Deployment web/api`. */
export function manifestText({ object: { kind, metadata }, path }: Manifest): string {
  const { generateName, name = generateName ?? '', namespace } = metadata;
  return `${path}: ${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

async function readText(path: string, { readFile }: Pick<ToolIo, 'readFile'>): Promise<string> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ToolError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Whatever makes the library give up, such as aliases that grow without end, is a mistake of the file. */
function parseDocuments(path: string, source: string): unknown[] {
  try {
    return [...parseAllDocuments(source, dialect as object)].map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw error;
      return JSON.parse(JSON.stringify(document.toJS() ?? null), withoutNull) as unknown;
    });
  } catch (error) {
    throw new ToolError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** A null is a field that is not given, to the API server too. */
function withoutNull(this: unknown, _key: string, value: unknown): unknown {
  return value === null && !Array.isArray(this) ? undefined : value;
}

function collect(path: string, value: unknown, manifests: Manifest[]): void {
  if (value === undefined) return;
  if (!isObject(value) || typeof value['kind'] !== 'string')
    throw new ToolError(`${path}: each document must be an object of Kubernetes, with a kind`);
  const { apiVersion, items, kind, metadata } = value;
  if (apiVersion !== undefined && typeof apiVersion !== 'string')
    throw new ToolError(`${path}: ${kind}: ${schemaFaults(text(), apiVersion, 'apiVersion').join()}`);
  if (kind.endsWith('List') && Array.isArray(items)) {
    for (const item of items as unknown[]) collect(path, item, manifests);
    return;
  }
  const manifest = { path, object: { ...value, kind, metadata: isObject(metadata) ? metadata : {} } };
  const known = knownKind(manifest.object);
  const faults = known === undefined ? [] : schemaFaults(known.shape, value, '');
  if (faults.length > 0)
    throw new ToolError(faults.map((fault) => `${manifestText(manifest)}: ${fault}`).join('\n'));
  manifests.push(manifest);
}
