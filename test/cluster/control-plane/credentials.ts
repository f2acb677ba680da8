import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection } from '../../../src/kube/connection.ts';
import type { CertificateAuthority, KeyPairPem, UserIdentity } from '../credentials/certificate-authority.ts';
import { renderKubeconfig } from '../credentials/kubeconfig.ts';
import { type ApiResponse, apiRequest } from './api-request.ts';
import {
  type ClusterUser,
  fileNameOf,
  identityOf,
  isServiceAccount,
  type ServiceAccount,
} from './cluster-user.ts';

export interface CredentialsOptions {
  readonly server: URL;
  readonly ca: CertificateAuthority;
  /** For kubeconfigs. */
  readonly folder: string;
}

/** Makes everybody known to the API server: by certificates of the cluster's CA, service accounts by tokens. */
export class Credentials {
  readonly #options: CredentialsOptions;
  readonly #certificates = new Map<string, KeyPairPem>();

  constructor(options: CredentialsOptions) {
    this.#options = options;
  }

  async connection(user: ClusterUser): Promise<Connection> {
    const { server, ca } = this.#options;
    const common = { server, ca: ca.certificatePem };
    return isServiceAccount(user)
      ? { ...common, token: this.#tokenSource(user.serviceAccount) }
      : { ...common, clientCert: await this.#clientCertificate(identityOf(user)) };
  }

  /** @returns the path of the file */
  async kubeconfig(user: ClusterUser): Promise<string> {
    const { server, ca, folder } = this.#options;
    const { token, clientCert } = await this.connection(user);
    const text = renderKubeconfig({
      server: server.origin,
      ca: ca.certificatePem,
      user: fileNameOf(user),
      ...(clientCert && { clientCert }),
      ...(token && { token: await token() }),
    });
    const path = join(folder, fileNameOf(user));
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** A request as the admin. */
  async request(method: string, path: string, body?: unknown): Promise<ApiResponse> {
    const { server, ca } = this.#options;
    const clientCert = await this.#clientCertificate(identityOf('admin'));
    return await apiRequest({ server, ca: ca.certificatePem, clientCert }, method, path, body);
  }

  #tokenSource(account: ServiceAccount): NonNullable<Connection['token']> {
    let current: Promise<string> | undefined;
    return async ({ fresh = false } = {}) => {
      if (fresh || !current) {
        current = this.#requestToken(account);
        // A failure is told to who waits for it now; the next one asks again.
        current.catch(() => (current = undefined));
      }
      return await current;
    };
  }

  async #requestToken({ namespace, name, boundPod }: ServiceAccount): Promise<string> {
    const boundObjectRef = boundPod && { apiVersion: 'v1', kind: 'Pod', ...boundPod };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const { status, text } = await this.request('POST', path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 24 * 3600, ...(boundObjectRef && { boundObjectRef }) },
    });
    if (status !== 201)
      throw new Error(`no token for service account ${namespace}/${name}: ${status} ${text}`);
    return (JSON.parse(text) as { status: { token: string } }).status.token;
  }

  async #clientCertificate(identity: UserIdentity): Promise<KeyPairPem> {
    const id = JSON.stringify([identity.user, identity.groups]);
    const pair = this.#certificates.get(id) ?? (await this.#options.ca.issueClient(identity));
    this.#certificates.set(id, pair);
    return pair;
  }
}
