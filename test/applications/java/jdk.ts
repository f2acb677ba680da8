import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../../tools/run-command.ts';
import { stderrLog } from '../../cluster/log.ts';
import { findPrograms } from '../../cluster/node/packages.ts';

export interface KeytoolEntry {
  readonly alias: string;
  readonly type: string;
  readonly fingerprints: readonly string[];
}

/** Paths of a store, and how Java calls its type. */
export interface StoreFiles {
  readonly type: string;
  readonly keystore: string;
  readonly truststore: string;
}

/** Java's tools, and TlsPeer compiled into a folder. */
export class Jdk {
  readonly #programs: { readonly java: string; readonly keytool: string };
  readonly #classes: string;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(programs: { java: string; keytool: string }, classes: string, password: string) {
    this.#programs = programs;
    this.#classes = classes;
    this.#environment = { ...process.env, STORE_PASSWORD: password };
  }

  /** @param password of all stores */
  static async prepare(classes: string, password: string): Promise<Jdk> {
    const { javac, ...programs } = await findPrograms(['java', 'javac', 'keytool'], stderrLog);
    await run(javac, ['-d', classes, join(root, 'test/applications/java/TlsPeer.java')]);
    return new Jdk(programs, classes, password);
  }

  /** The entries of a store, sorted by alias. */
  async list(store: string): Promise<readonly KeytoolEntry[]> {
    const output = await this.#keytool(['-list', '-v', '-keystore', store]);
    return output
      .split(/^Alias name: /m)
      .slice(1)
      .map((entry) => ({
        alias: /^.*/.exec(entry)?.[0] ?? '',
        type: /^Entry type: (.*)$/m.exec(entry)?.[1] ?? '',
        fingerprints: [...entry.matchAll(/^\s*SHA256: ([0-9A-F:]+)$/gm)].map(([, text = '']) =>
          text.replaceAll(':', '').toLowerCase(),
        ),
      }))
      .sort((a, b) => (a.alias < b.alias ? -1 : 1));
  }

  /** A certificate request that Java signs with the key of this alias; PEM. */
  async request(store: string, alias: string): Promise<string> {
    const output = await this.#keytool(['-certreq', '-alias', alias, '-keystore', store]);
    return output.replaceAll('NEW CERTIFICATE REQUEST', 'CERTIFICATE REQUEST');
  }

  async connect({ type, keystore, truststore }: StoreFiles, ...ports: number[]): Promise<readonly string[]> {
    const args = [
      '-cp',
      this.#classes,
      'TlsPeer',
      'connect',
      type,
      keystore,
      truststore,
      ...ports.map(String),
    ];
    const { stdout } = await run(this.#programs.java, args, { env: this.#environment });
    return stdout.trimEnd().split('\n');
  }

  async serve({ type, keystore, truststore }: StoreFiles): Promise<JavaServer> {
    const args = ['-cp', this.#classes, 'TlsPeer', 'serve', type, keystore, truststore];
    const child = spawn(this.#programs.java, args, {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => {
      const { done, value } = await lines.next();
      if (done === true) throw new Error('the Java server has ended');
      return value;
    };
    const port = Number(/^port (\d+)$/.exec(await next())?.[1]);
    return { port, outcome: next, stop: () => child.kill() };
  }

  async #keytool(args: readonly string[]): Promise<string> {
    const english = ['-J-Duser.language=en', '-J-Dfile.encoding=UTF-8'];
    const { stdout } = await run(
      this.#programs.keytool,
      [...args, '-storepass:env', 'STORE_PASSWORD', ...english],
      { env: this.#environment },
    );
    return stdout;
  }
}

export interface JavaServer {
  readonly port: number;
  /** What became of the next connection. */
  readonly outcome: () => Promise<string>;
  readonly stop: () => void;
}

const run = promisify(execFile);
