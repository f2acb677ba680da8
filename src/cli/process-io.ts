import { readdir, readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { printable } from '../runtime/printable.ts';
import { exitCodes, type ToolIo } from '../runtime/tool.ts';

/**
 * This process to a tool. A signal ends what the tool waits for; a second one, and the reader of a pipe that goes, end it at
 * once. What cannot be written was not answered.
 */
export function processIo(): {
  readonly io: ToolIo;
  /** A pipe takes only what its reader has room for: the rest would end with the process. */
  readonly flushed: () => Promise<unknown>;
} {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(exitCodes.interrupted);
      stop.abort();
    });
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.unread);
    process.stderr.write(`standard output cannot be written: ${error.message}\n`, () =>
      process.exit(exitCodes.unknown),
    );
  });
  const { stderr, stdin, stdout } = process;
  return {
    io: {
      out: (said) => void stdout.write(printable(said)),
      err: (said) => void stderr.write(printable(said)),
      now: Date.now,
      readFile: (path) => (path === '-' ? text(stdin) : readFile(path, 'utf8')),
      readFolder: (path) => readdir(path).catch(() => undefined),
      signal: stop.signal,
      environment: process.env,
      columns: stdout.columns,
    },
    flushed: () =>
      Promise.all(
        [stdout, stderr].map(
          (stream) => new Promise<void>((resolve) => void stream.write('', () => resolve())),
        ),
      ),
  };
}
