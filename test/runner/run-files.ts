import { run } from 'node:test';
import { spec } from 'node:test/reporters';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface RunFilesOptions {
  readonly files: readonly string[];
  readonly concurrency: number;
  readonly limitMs: number;
  /** Told of names and failures as they come. */
  readonly print: (text: string) => void;
}

/** Runs test files, each in a process of its own, telling of names and failures. */
export async function runFiles(options: RunFilesOptions): Promise<Counts> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), options.limitMs);
  const stream = run({
    files: [...options.files],
    concurrency: options.concurrency,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    signal: limit.signal,
  });
  stream.on('test:pass', (event) => {
    if (event.details.type === 'suite' || isFile(event, options.files)) return;
    if (event.skip === undefined || event.skip === false) counts.passed += 1;
    else counts.skipped += 1;
  });
  stream.on('test:fail', (event) => {
    // A suite fails with its tests; a file alone when it cannot be loaded or its process ends early.
    const cause = (event.details.error as { failureType?: string } | undefined)?.failureType;
    if (cause !== 'subtestsFailed') counts.failed += 1;
  });
  const reporter = new spec();
  reporter.on('data', (text: unknown) => options.print(String(text)));
  stream.pipe(reporter);
  await new Promise<void>((resolve, reject) => {
    stream.on('end', resolve);
    stream.on('error', reject);
  });
  clearTimeout(timer);
  if (limit.signal.aborted) {
    options.print(`stopped after ${options.limitMs / 60_000} minutes, which is the limit of the suite\n`);
    counts.failed += 1;
  }
  return counts;
}

/** With a process a file, the file is itself reported as a test when it holds none. */
function isFile(event: { readonly name: string }, files: readonly string[]): boolean {
  return files.includes(event.name);
}
