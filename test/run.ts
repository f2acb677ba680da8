// npm test [-- SUITE …]: runs the suites named, all of them by default, and ends with one line of counts.
import { globSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildBundle } from '../tools/build.ts';
import { root, runTool } from '../tools/run-command.ts';
import { findBinaries } from './cluster/binaries.ts';
import { findPrograms } from './cluster/node/packages.ts';
import { runFiles, type Counts } from './runner/run-files.ts';
import { type Suite, suites } from './runner/suites.ts';
import { findSecrets } from './support/find-secrets.ts';
import { reportRbacUse } from './security/rbac/report-rbac-use.ts';

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
  const runnable = chosen.filter(({ obstacle }) => obstacle() === undefined);
  if (runnable.some(({ needsBundle }) => needsBundle)) {
    console.log('building dist/certmount.mjs');
    await buildBundle();
  }
  await findBinaries([...new Set(runnable.flatMap(({ binaries }) => binaries))], { log: console.log });
  // Others than root run the suites that can do without, or have the programs.
  if (process.getuid?.() === 0)
    await findPrograms([...new Set(runnable.flatMap(({ programs }) => programs))], console.log);
  const notRun = chosen.flatMap(({ name, obstacle }) => {
    const why = obstacle();
    return why === undefined ? [] : [`${name}: ${why}`];
  });
  // A third of an API server's work is to collect garbage in a heap that is small only because it has just started.
  process.env['GOGC'] ??= 'off';
  process.env['GOMEMLIMIT'] ??= '600MiB';
  const compiled = mkdtempSync(join(tmpdir(), 'certmount-compiled-'));
  // Hundreds of processes load the same sources.
  process.env['NODE_COMPILE_CACHE'] ??= compiled;
  const logs = mkdtempSync(join(tmpdir(), 'certmount-logs-'));
  process.env['CERTMOUNT_TEST_LOGS'] = logs;
  const total = sumOf(await runAll(runnable));
  const leaks = findSecrets(logs, []);
  for (const { file, line, what } of leaks) console.log(`secret in a log: ${what} in ${file}:${line}`);
  const size = readdirSync(logs).length;
  console.log(`\n${size} logs of drivers and controllers at level debug: ${leaks.length} secrets found`);
  total.failed += leaks.length;
  const everySuite = names.length === 0 && notRun.length === 0;
  total.failed += await reportRbacUse({ logs, everySuite, print: console.log });
  for (const folder of [logs, compiled]) rmSync(folder, { recursive: true, force: true });
  for (const line of notRun) console.log(`not run: ${line}`);
  if (process.env['CI'] === 'true') total.failed += notRun.length;
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

/** Each lane's suites one after the other. With several lanes a suite's output comes when it has ended. */
async function runAll(chosen: readonly Suite[]): Promise<Counts[]> {
  const lanes = Object.values(Object.groupBy(chosen, ({ lane }) => lane));
  const counts = await Promise.all(
    lanes.map(async (lane) => {
      const ofLane: Counts[] = [];
      for (const suite of lane)
        ofLane.push(await (lanes.length > 1 ? runAtOnce(suite) : runSuite(suite, print)));
      return ofLane;
    }),
  );
  return counts.flat();
}

async function runAtOnce(suite: Suite): Promise<Counts> {
  const output: string[] = [];
  console.log(`== ${suite.name} has started`);
  const counts = await runSuite(suite, (text) => output.push(text));
  print(output.join(''));
  return counts;
}

function print(text: string): void {
  process.stdout.write(text);
}

async function runSuite(suite: Suite, tell: (text: string) => void): Promise<Counts> {
  const started = Date.now();
  tell(`\n== ${suite.name}: ${suite.summary}\n`);
  const counts = suite.name === 'lint' ? runLint() : await runTests(suite, tell);
  const seconds = Math.round((Date.now() - started) / 1000);
  tell(
    `== ${suite.name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${seconds} s\n`,
  );
  return counts;
}

function runTests(suite: Suite, tell: (text: string) => void): Promise<Counts> {
  const files = globSync(`test/${suite.name}/**/*.test.ts`, { cwd: root }).sort();
  if (files.length === 0) throw new Error(`the suite ${suite.name} has no test files`);
  return runFiles({
    files: files.map((file) => join(root, file)),
    concurrency: suite.concurrency,
    limitMs: suite.limitMinutes * 60_000,
    print: tell,
  });
}

function sumOf(all: readonly Counts[]): { passed: number; failed: number; skipped: number } {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { failed, passed, skipped } of all) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
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
