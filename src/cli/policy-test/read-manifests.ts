import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../kube/object.ts';
import { ToolError, type ToolIo } from '../../runtime/tool.ts';

/** Of a folder these are read, and none below it, as kubectl does. */
const manifestName = /\.(?:json|ya?ml)$/;

/**
 * The objects of files and folders of manifests: of all their documents, and of lists in them.
 *
 * @throws {ToolError} that names the file
 */
export async function readManifests(
  paths: readonly string[],
  io: Pick<ToolIo, 'readFile' | 'readFolder'>,
): Promise<KubeObject[]> {
  const objects: KubeObject[] = [];
  for (const path of paths) {
    const names = path === '-' ? undefined : await io.readFolder(path);
    const files = names
      ?.filter((name) => manifestName.test(name))
      .map((name) => join(path, name))
      .sort();
    if (files?.length === 0) throw new ToolError(`${path}: there is no .yaml, .yml or .json file in it`);
    for (const file of files ?? [path]) objects.push(...parseManifests(file, await readText(file, io)));
  }
  return objects;
}

async function readText(path: string, { readFile }: Pick<ToolIo, 'readFile'>): Promise<string> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ToolError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

function parseManifests(path: string, text: string): KubeObject[] {
  const objects: KubeObject[] = [];
  for (const document of parseAllDocuments(text)) {
    if (!('errors' in document)) continue;
    const [error] = document.errors;
    if (error !== undefined) throw new ToolError(`${path}: ${error.message}`);
    collect(path, document.toJS(), objects);
  }
  return objects;
}

function collect(path: string, value: unknown, objects: KubeObject[]): void {
  if (value === null) return;
  if (!isObject(value) || typeof value['kind'] !== 'string')
    throw new ToolError(`${path}: each document must be an object of Kubernetes, with a kind`);
  if (Array.isArray(value['items'])) {
    for (const item of value['items'] as unknown[]) collect(path, item, objects);
    return;
  }
  const metadata = value['metadata'];
  if (!isObject(metadata)) throw new ToolError(`${path}: a ${value['kind']} has no metadata`);
  objects.push({ ...value, metadata });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
