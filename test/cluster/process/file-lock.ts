import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs the work while holding an exclusive lock on the file, across processes. The kernel frees it when this process
 * ends in whatever way: the lock belongs to flock(1), which ends when our end of its standard input closes.
 *
 * @param waiting called once when somebody else holds it
 */
export async function withFileLock<T>(path: string, waiting: () => void, work: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo locked; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(holder, 'close');
  const patience = setTimeout(waiting, 1000);
  try {
    const [text] = (await Promise.race([once(holder.stdout, 'data'), ended])) as [unknown];
    if (!String(text).startsWith('locked')) throw new Error(`flock ${path} ended with ${String(text)}`);
  } finally {
    clearTimeout(patience);
  }
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
