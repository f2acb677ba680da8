import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly input?: NodeJS.ReadableStream | string;
  readonly env?: NodeJS.ProcessEnv;
  /** For the error; default: the command and its arguments. */
  readonly what?: string;
}

/**
 * Runs a program to its end.
 *
 * @returns standard output
 * @throws with standard error when it fails
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { input = '', env, what = `${command} ${args.join(' ')}` }: RunOptions = {},
): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...(env && { env }) });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  child.stdin.on('error', () => {}); // it ended before it read everything; its exit code tells
  if (typeof input === 'string') child.stdin.end(input);
  else input.pipe(child.stdin);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  if (code !== 0) throw new Error(`${what} ended with ${code}: ${errors.trim()}`);
  return output;
}
