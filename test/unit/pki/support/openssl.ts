import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs the `openssl` command.
 *
 * @param args file names as `@name` stand for the file of that name in `files`
 * @returns standard output; an exit code other than 0 throws with what it said
 */
export function openssl(
  args: readonly string[],
  files: Readonly<Record<string, string | Uint8Array>> = {},
): string {
  const directory = mkdtempSync(join(tmpdir(), 'certmount-openssl-'));
  try {
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(directory, name), content, { mode: 0o600 });
    return execFileSync(
      'openssl',
      args.map((argument) => (argument.startsWith('@') ? join(directory, argument.slice(1)) : argument)),
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** `openssl x509 -text` or `openssl req -text`, with runs of white space as one space. */
export function describePem(command: 'x509' | 'req', pem: string): string {
  return openssl([command, '-in', '@in.pem', '-noout', '-text'], { 'in.pem': pem }).replace(/\s+/g, ' ');
}
