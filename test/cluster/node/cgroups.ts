import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes a control group of this name in every hierarchy that a kubelet uses, for it to keep its pods in.
 *
 * @returns the directories to remove, among them one that only runc makes
 */
export function createCgroups(name: string): string[] {
  const all = hierarchies();
  const hasOld = all.some(({ version }) => version === 1);
  return all.map(({ path, version }) => {
    const directory = join(path, name);
    // Beside version 1 the unified hierarchy has no controllers, and the kubelet does not look into it.
    if (version === 2 && hasOld) return directory;
    if (version === 2) enableControllers(path);
    mkdirSync(directory, { recursive: true });
    if (version === 2) enableControllers(directory);
    // A new cpuset of version 1 has neither processors nor memory, and takes no process until it has.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) inheritSetting(path, directory, file);
    return directory;
  });
}

interface Hierarchy {
  readonly path: string;
  readonly version: 1 | 2;
}

function hierarchies(): Hierarchy[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .flatMap(([, path, type]): Hierarchy[] => {
      if (path === undefined || !path.startsWith('/sys/fs/cgroup')) return [];
      if (type === 'cgroup') return [{ path, version: 1 }];
      return type === 'cgroup2' ? [{ path, version: 2 }] : [];
    });
}

/** Lets children be limited; a controller that this machine withholds is left out. */
function enableControllers(directory: string): void {
  const controllers = readFileSync(join(directory, 'cgroup.controllers'), 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  for (const controller of controllers) {
    try {
      writeFileSync(join(directory, 'cgroup.subtree_control'), `+${controller}`);
    } catch (error) {
      if (!['EBUSY', 'EINVAL', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

function inheritSetting(parent: string, child: string, file: string): void {
  try {
    if (readFileSync(join(child, file), 'utf8').trim() !== '') return;
    writeFileSync(join(child, file), readFileSync(join(parent, file)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
