import { spawn } from 'node:child_process';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Log } from '../log.ts';
import { withFileLock } from '../process/file-lock.ts';

export interface GoTool {
  readonly name: string;
  readonly version: string;
  /** Holds the go.mod that pins everything. */
  readonly moduleDirectory: string;
  readonly package: string;
  readonly linkerFlags: readonly string[];
  /** Where the program shall be. */
  readonly output: string;
}

export interface BuildOptions {
  readonly log: Log;
  /** Of the go command. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asked again under the lock: another builder may have been faster. */
  readonly isBuilt: () => boolean;
  /** Such as `2 of 5`. */
  readonly progress: string;
}

/** Builds a program from its Go module. It appears complete or not at all, and is built by one process at a time. */
export async function buildGoTool(
  tool: GoTool,
  { log, env, isBuilt, progress }: BuildOptions,
): Promise<void> {
  const folder = dirname(tool.output);
  await mkdir(folder, { recursive: true });
  const waiting = (): void => {
    log(`${tool.name}: another run builds it, waiting …`);
  };
  await withFileLock(`${folder}/.lock`, waiting, async () => {
    if (isBuilt()) return;
    const started = Date.now();
    const seconds = (): string => `${Math.round((Date.now() - started) / 1000)} s`;
    log(
      `building ${tool.name} ${tool.version} from its Go module (${progress}; once per machine, minutes) …`,
    );
    const heartbeat = setInterval(() => {
      log(`building ${tool.name} … ${seconds()}`);
    }, 20_000);
    const temporary = `${tool.output}.new-${process.pid}`;
    try {
      await goBuild(tool, temporary, env);
      await rename(temporary, tool.output);
    } finally {
      clearInterval(heartbeat);
      await rm(temporary, { force: true });
    }
    log(`built ${tool.name} in ${seconds()}`);
  });
}

async function goBuild(tool: GoTool, output: string, env: BuildOptions['env']): Promise<void> {
  const args = ['build', '-trimpath', '-ldflags', tool.linkerFlags.join(' '), '-o', output, tool.package];
  const child = spawn('go', args, {
    cwd: tool.moduleDirectory,
    // A go.work above the clone or flags of the user's must not change what is built.
    env: { ...env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-mod=readonly' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', (cause: NodeJS.ErrnoException) => {
      reject(cause.code === 'ENOENT' ? new Error(missingGo(tool), { cause }) : cause);
    });
  });
  if (code !== 0) {
    throw new Error(
      `cannot build ${tool.name} ${tool.version} (go build ended with ${code}):\n${errors.trimEnd()}`,
    );
  }
}

function missingGo(tool: GoTool): string {
  return (
    `${tool.name} ${tool.version} is to be built from its Go module, but there is no \`go\` in PATH. ` +
    'Install Go 1.26 or newer (https://go.dev/dl/) and put it in PATH, ' +
    `or set KUBEBUILDER_ASSETS to a folder that has ${tool.name}.`
  );
}
