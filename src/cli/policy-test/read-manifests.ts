import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../kube/object.ts';
import { InputError } from './input-error.ts';

/**
 * The objects of a file of manifests: of all its documents, and of lists in it.
 *
 * @throws {InputError} that names the file
 */
export function readManifests(path: string, text: string): KubeObject[] {
  const objects: KubeObject[] = [];
  for (const document of parseAllDocuments(text)) {
    if (!('errors' in document)) continue;
    const [error] = document.errors;
    if (error !== undefined) throw new InputError(`${path}: ${error.message}`);
    collect(path, document.toJS(), objects);
  }
  return objects;
}

function collect(path: string, value: unknown, objects: KubeObject[]): void {
  if (value === null) return;
  if (!isObject(value) || typeof value['kind'] !== 'string')
    throw new InputError(`${path}: each document must be an object of Kubernetes, with a kind`);
  if (Array.isArray(value['items'])) {
    for (const item of value['items'] as unknown[]) collect(path, item, objects);
    return;
  }
  const metadata = value['metadata'];
  if (!isObject(metadata)) throw new InputError(`${path}: a ${value['kind']} has no metadata`);
  objects.push({ ...value, metadata });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
