import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { exitCodes, type ToolIo } from '../runtime/tool.ts';
import { runPolicyTest } from './policy-test/policy-test.ts';

/** The commands about policies, of which there is one. */
export async function runPolicy(
  program: string,
  [name, ...argv]: readonly string[],
  io: ToolIo,
): Promise<number> {
  if (name === 'test')
    return runPolicyTest(argv, {
      stdout: { write: io.out },
      stderr: { write: io.err },
      readFile: (path) => (path === '-' ? text(process.stdin) : readFile(path, 'utf8')),
    });
  const usage = `Usage: ${program} test -f FILE… [flags]\nMore: ${program} test --help\n`;
  if (name === '--help' || name === '-h') {
    io.out(usage);
    return exitCodes.fine;
  }
  io.err(
    `${name === undefined ? 'no command is given' : `unknown command ${JSON.stringify(name)}`}\n\n${usage}`,
  );
  return exitCodes.usage;
}
