import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Connection, fileToken, systemClock } from '../../../src/kube/index.ts';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import type { PodReference } from './install-cluster.ts';

/** A pod's credentials as the kubelet projects them. */
export interface ServiceAccount {
  /** With `token`, `ca.crt` and `namespace`. */
  readonly directory: string;
  readonly connection: Connection;
}

export async function serviceAccountOf(
  controlPlane: ControlPlane,
  account: { readonly namespace: string; readonly name: string; readonly boundPod: PodReference },
): Promise<ServiceAccount> {
  const asked = await controlPlane.connection({ serviceAccount: account });
  const directory = join(controlPlane.dir, 'service-accounts', account.name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const files = {
    token: (await asked.token?.()) ?? '',
    'ca.crt': controlPlane.ca.certificatePem,
    namespace: account.namespace,
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  const token = fileToken(join(directory, 'token'), { clock: systemClock });
  return {
    directory,
    connection: { server: controlPlane.server, ca: controlPlane.ca.certificatePem, token },
  };
}
