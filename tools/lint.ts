// Format, types, and rules (the directions of imports among them). Every check runs, whatever the ones before found.
import { runTool } from './run-command.ts';

const checks: readonly { readonly name: string; readonly run: () => boolean }[] = [
  {
    name: 'format (npm run format mends it)',
    run: () => runTool('prettier', ['--check', '--log-level=warn', '.']),
  },
  { name: 'types', run: () => runTool('tsc', ['-p', '.']) },
  {
    name: 'rules and import directions',
    run: () => runTool('oxlint', ['--type-aware', '--deny-warnings', 'src', 'test', 'tools']),
  },
];

let passed = 0;
for (const { name, run } of checks) {
  const ok = run();
  if (ok) passed += 1;
  console.log(`${ok ? 'ok' : 'FAILED'}: ${name}`);
}
process.exitCode = passed === checks.length ? 0 : 1;
