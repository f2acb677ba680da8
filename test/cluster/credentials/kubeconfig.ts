import type { KeyPairPem } from './certificate-authority.ts';

export interface KubeconfigOptions {
  readonly server: string;
  readonly ca: string;
  readonly user: string;
  readonly clientCert?: KeyPairPem;
  readonly token?: string;
}

/** A kubeconfig with everything inline. JSON, which is YAML too. */
export function renderKubeconfig({ server, ca, user, clientCert, token }: KubeconfigOptions): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'certmount', cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name: user,
        user: {
          ...(clientCert && {
            'client-certificate-data': base64(clientCert.cert),
            'client-key-data': base64(clientCert.key),
          }),
          ...(token !== undefined && { token }),
        },
      },
    ],
    contexts: [{ name: 'certmount', context: { cluster: 'certmount', user } }],
    'current-context': 'certmount',
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}
