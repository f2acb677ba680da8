// npm test [-- SUITE …]: runs the suites named, all of them by default, and ends with one line of counts.
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { buildBundle } from '../tools/build.ts';
import { root, runTool } from '../tools/run-command.ts';
import { runFiles, type Counts } from './runner/run-files.ts';
import { type Suite, suites } from './runner/suites.ts';

const usage = `npm test [-- SUITE …]

Runs the suites named; without a name, all of them:
${suites.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`).join('\n')}

Binaries of Kubernetes are taken from the folder that KUBEBUILDER_ASSETS names, or built once from Go modules.
A suite that this machine cannot run is named with the reason; with CI=true that is a failure.
`;

process.exitCode = await main(process.argv.slice(2));

async function main(names: readonly string[]): Promise<number> {
  if (names.includes('--help') || names.includes('-h')) {
    console.log(usage);
    return 0;
  }
  const unknown = names.find((name) => !suites.some((suite) => suite.name === name));
  if (unknown !== undefined) {
    console.error(`unknown suite ${JSON.stringify(unknown)}\n\n${usage}`);
    return 2;
  }
  const chosen = names.length === 0 ? suites : suites.filter(({ name }) => names.includes(name));
  if (chosen.some(({ needsBundle, obstacle }) => needsBundle && obstacle() === undefined)) {
    console.log('building dist/certmount.mjs');
    await buildBundle();
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  const notRun: string[] = [];
  for (const suite of chosen) {
    const obstacle = suite.obstacle();
    if (obstacle !== undefined) {
      notRun.push(`${suite.name}: ${obstacle}`);
      continue;
    }
    const counts = await runSuite(suite);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  for (const line of notRun) console.log(`not run: ${line}`);
  if (process.env['CI'] === 'true') total.failed += notRun.length;
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

async function runSuite(suite: Suite): Promise<Counts> {
  const started = Date.now();
  console.log(`\n== ${suite.name}: ${suite.summary}`);
  const counts = suite.name === 'lint' ? runLint() : await runTests(suite);
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(
    `== ${suite.name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${seconds} s`,
  );
  return counts;
}

function runTests(suite: Suite): Promise<Counts> {
  const files = globSync(`test/${suite.name}/**/*.test.ts`, { cwd: root }).sort();
  if (files.length === 0) throw new Error(`the suite ${suite.name} has no test files`);
  return runFiles({
    files: files.map((file) => join(root, file)),
    concurrency: suite.concurrency,
    limitMs: suite.limitMinutes * 60_000,
  });
}

function runLint(): Counts {
  const results = [
    runTool('node', ['tools/lint.ts']),
    runTool('node', ['--disable-warning=ExperimentalWarning', 'tools/generate.ts', '--check']),
  ];
  return {
    passed: results.filter((ok) => ok).length,
    failed: results.filter((ok) => !ok).length,
    skipped: 0,
  };
}
