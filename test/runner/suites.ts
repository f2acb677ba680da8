/** A group of tests that needs the same of its machine. */
export interface Suite {
  readonly name: string;
  readonly summary: string;
  /** Test files at once. */
  readonly concurrency: number;
  /** After so long the suite has failed. */
  readonly limitMinutes: number;
  /** Whether the test files use the bundle of `npm run build`. */
  readonly needsBundle: boolean;
  /** Why this machine cannot run it; undefined when it can. */
  readonly obstacle: () => string | undefined;
}

export const suites: readonly Suite[] = [
  {
    name: 'lint',
    summary: 'format, types, rules, generated files',
    concurrency: 1,
    limitMinutes: 5,
    needsBundle: false,
    obstacle: () => undefined,
  },
  {
    name: 'unit',
    summary: 'pure, with a fake clock',
    concurrency: 2,
    limitMinutes: 5,
    needsBundle: false,
    obstacle: () => undefined,
  },
];
