import { policyTestTool } from '../../../../../src/cli/policy-test/policy-test-tool.ts';
import { runTool } from '../../../../../src/runtime/tool.ts';
import { toolIo } from '../../../runtime/support/tool-io.ts';

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** @param files their texts by path */
export async function run(files: Readonly<Record<string, string>>, ...argv: string[]): Promise<Outcome> {
  const { io, said } = toolIo({
    readFile: (path) =>
      path in files ? Promise.resolve(files[path] ?? '') : Promise.reject(new Error('there is no such file')),
    readFolder: (path) => {
      const inside = Object.keys(files).filter((file) => file.startsWith(`${path}/`));
      return Promise.resolve(
        inside.length === 0 ? undefined : inside.map((file) => file.slice(path.length + 1)),
      );
    },
  });
  const code = await runTool('certmount policy test', policyTestTool, argv, io);
  return { code, ...said };
}

export const volume = (
  attributes: Readonly<Record<string, string>>,
  driver = 'csi.certmount.io',
): object => ({
  name: 'tls',
  csi: { driver, readOnly: true, volumeAttributes: { 'issuer-name': 'ca', ...attributes } },
});

export function pod(attributes: Readonly<Record<string, string>>, change: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'api', namespace: 'web', labels: { app: 'api' } },
    spec: { serviceAccountName: 'api', volumes: [volume(attributes)], ...change },
  });
}

export const policy = (name: string, spec: object): string =>
  JSON.stringify({
    apiVersion: 'policy.cert-manager.io/v1alpha1',
    kind: 'CertificateRequestPolicy',
    metadata: { name },
    spec: { selector: { issuerRef: {} }, ...spec },
  });
