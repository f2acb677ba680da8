// Makes deploy/crds/ from the definitions in src/api/crds/.
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { crdDefinitions } from '../src/api/crds/all.ts';
import { customResourceDefinition } from '../src/api/crds/definition.ts';
import { runGenerator, syncGeneratedFolder } from './generated-folder.ts';
import type { GeneratedFiles, SyncOptions } from './generated-folder.ts';

const outputFolder = join(dirname(import.meta.dirname), 'deploy/crds');

/** Brings deploy/crds/ up to date; answers the paths that were not. */
export async function generateCrds(options: SyncOptions): Promise<string[]> {
  const stale = await syncGeneratedFolder(outputFolder, generatedCrds(), options);
  return stale.map((path) => `deploy/crds/${path}`);
}

/** The manifests by file name: GROUP_PLURAL.yaml. */
function generatedCrds(): GeneratedFiles {
  return new Map(
    crdDefinitions.map((definition) => [
      `${definition.resource.group}_${definition.resource.plural}.yaml`,
      manifestText(customResourceDefinition(definition)),
    ]),
  );
}

/** Keys sorted, so that a change of order in a definition is no change of the manifest. */
function manifestText(manifest: object): string {
  const yaml = stringify(manifest, {
    sortMapEntries: true,
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
  return `# Generated from src/api/crds by "npm run generate": do not edit.\n${yaml}`;
}

if (import.meta.main) await runGenerator('generate-crds', generateCrds);
