// Rewrites every file in the house format.
import { runTool } from './run-command.ts';

process.exitCode = runTool('prettier', ['--write', '--log-level=warn', '.']) ? 0 : 1;
