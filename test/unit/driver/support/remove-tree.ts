import * as fs from 'node:fs';
import { join } from 'node:path';

/** Removes a folder with all in it. Those of generations are read-only, and whoever is not root has to change that first. */
export function removeTree(folder: string): void {
  fs.chmodSync(folder, 0o700);
  for (const entry of fs.readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  fs.rmSync(folder, { recursive: true });
}
