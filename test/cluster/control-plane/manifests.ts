import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** The objects of YAML or JSON text, Lists taken apart. */
export function parseManifests(text: string): readonly object[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as { kind?: string; items?: object[] } | null)
    .flatMap((object) => (object?.kind === 'List' ? (object.items ?? []) : (object ?? [])));
}

/** Text of a file, or of the files of a folder. */
export function readManifests(path: string): string {
  const files = statSync(path).isDirectory() ? globSync(join(path, '*.yaml')).sort() : [path];
  return files.map((file) => readFileSync(file, 'utf8')).join('\n---\n');
}
