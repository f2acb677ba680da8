import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';

/** Of a user in a kubeconfig, what client-node does not know of. */
export interface KubeconfigUser {
  /** An absolute path. */
  readonly tokenFile?: string;
  /** Fields that say who to be, beside `as`. */
  readonly impersonation: readonly string[];
}

const impersonationFields = ['as-uid', 'as-groups', 'as-user-extra'];

/** @param path the file; where kubectl looks when not given */
export async function kubeconfigUser(path: string | undefined, name: string): Promise<KubeconfigUser> {
  for (const file of path === undefined ? defaultFiles() : [path]) {
    const config = parse(await textOf(file), { uniqueKeys: false }) as Config | null;
    const user = config?.users?.find((one) => one.name === name)?.user;
    if (!user) continue;
    const { tokenFile } = user;
    return {
      ...(typeof tokenFile === 'string' &&
        tokenFile !== '' && { tokenFile: resolve(dirname(file), tokenFile) }),
      impersonation: impersonationFields.filter((field) => Object.keys(Object(user[field])).length > 0),
    };
  }
  return { impersonation: [] };
}

interface Config {
  readonly users?: readonly {
    readonly name: string;
    readonly user?: Readonly<Record<string, unknown>> | null;
  }[];
}

function defaultFiles(): readonly string[] {
  const listed = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  return listed.length > 0 ? listed : [join(homedir(), '.kube', 'config')];
}

/** Empty for a file that is not there: the connection is that of a pod then. */
function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
