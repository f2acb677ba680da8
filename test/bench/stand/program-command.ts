import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from '../../../tools/run-command.ts';

export interface ProgramCommand {
  /** Of Node itself, without the program's file. */
  readonly nodeFlags: readonly string[];
  /** The program's name and flags. */
  readonly args: readonly string[];
}

interface Workload {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
}

interface Container {
  readonly command: readonly string[];
  readonly args: readonly string[];
}

/** The command line of a workload's manifest, so that what is measured is what is deployed. */
export function programCommand(manifest: string): ProgramCommand {
  const workload = parse(readFileSync(join(root, manifest), 'utf8')) as Workload;
  const container = workload.spec.template.spec.containers[0];
  const [node, ...rest] = container?.command ?? [];
  const program = rest.at(-1);
  if (container === undefined || node !== 'node' || program?.endsWith('/certmount.mjs') !== true) {
    throw new Error(
      `${manifest}: the first container's command is expected to be: node FLAGS… …/certmount.mjs`,
    );
  }
  return { nodeFlags: rest.slice(0, -1), args: container.args };
}

/** Puts these flags in the place of the manifest's of the same names, and the rest of them behind. */
export function withFlags(args: readonly string[], flags: Readonly<Record<string, string>>): string[] {
  const kept = args.filter((arg) => !Object.keys(flags).some((name) => arg.startsWith(`--${name}=`)));
  return [...kept, ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)];
}
