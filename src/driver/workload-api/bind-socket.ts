import { constants } from 'node:fs';
import type * as nodeFs from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { workloadApiSocket } from '../volume/attributes/files/file-names.ts';

/** Two dots in front: not among the names that the volume's files are sorted out by. */
const unfinished = '..workload-api-';
const socketMode = 0o660;

export interface BindOptions {
  readonly directory: string;
  /** undefined leaves the socket to root. */
  readonly group: number | undefined;
}

export interface BindDependencies {
  readonly fs: Pick<
    typeof nodeFs,
    'chmodSync' | 'chownSync' | 'closeSync' | 'openSync' | 'readdirSync' | 'renameSync' | 'unlinkSync'
  >;
  readonly randomHex: () => string;
}

/**
 * Makes the server listen on {@link workloadApiSocket} in the directory, in the place of what an earlier process has left there.
 *
 * A unix socket's path has at most 107 bytes and the kubelet's are longer: it is bound through a descriptor of the directory,
 * which is closed again because it would keep the volume busy at its unmount. It gets its owner and mode under another name
 * and its own by a rename. That other name is random because libuv removes the path that it has bound when the server is
 * closed, and the descriptor in the path may be another directory's by then.
 */
export async function bindSocket(
  server: Server,
  { directory, group }: BindOptions,
  { fs, randomHex }: BindDependencies,
): Promise<void> {
  const descriptor = fs.openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  const folder = `/proc/self/fd/${descriptor}`;
  try {
    for (const name of fs.readdirSync(folder)) {
      if (name.startsWith(unfinished)) fs.unlinkSync(join(folder, name));
    }
    const path = join(folder, `${unfinished}${randomHex()}`);
    await listen(server, path);
    if (group !== undefined) fs.chownSync(path, 0, group);
    fs.chmodSync(path, socketMode);
    fs.renameSync(path, join(folder, workloadApiSocket));
  } finally {
    fs.closeSync(descriptor);
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
