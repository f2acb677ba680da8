import { parseCommand, usage, UsageError } from './cli/arguments.ts';
import { type CommandContext, down, env, kubectl, status, up } from './cli/commands.ts';
import { stderrLog } from './log.ts';
import { defaultRoot } from './record/cluster-record.ts';

// `… | head` closes the pipe early, which is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

/** @returns the exit code */
async function main(argv: readonly string[]): Promise<number> {
  const context: CommandContext = {
    root: defaultRoot(),
    print: (line) => {
      process.stdout.write(`${line}\n`);
    },
    log: stderrLog,
  };
  try {
    const command = parseCommand(argv);
    switch (command.command) {
      case 'help':
        process.stdout.write(usage);
        return 0;
      case 'up':
        await up(command, context);
        return 0;
      case 'status':
        return status(command, context) ? 0 : 1;
      case 'down':
        down(command, context);
        return 0;
      case 'env':
        env(command, context);
        return 0;
      case 'kubectl':
        return await kubectl(command, context);
    }
  } catch (error) {
    stderrLog(error instanceof Error ? error.message : String(error));
    if (error instanceof UsageError) stderrLog('see: npm run cluster -- --help');
    return error instanceof UsageError ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
