import { generateKeyPairSync, type KeyObject, randomUUID, X509Certificate } from 'node:crypto';
import {
  type CertificateRequest,
  certificateRequests,
  isDenied,
} from '../../../src/api/certificate-request.ts';
import { getCondition } from '../../../src/api/condition.ts';
import { type UsageName, toUsages } from '../../../src/api/usages.ts';
import { type ObjectKey, type Resource } from '../../../src/kube/index.ts';
import { createRequest, noAltNames, type RequestTemplate } from '../../../src/pki/index.ts';
import type { Asker } from '../../integration/controller/support/world.ts';
import { eventually } from '../../support/eventually.ts';

export interface CsiDriverVolume {
  readonly template?: Partial<RequestTemplate>;
  readonly usages?: readonly UsageName[];
  readonly issuer?: string;
  readonly duration?: string;
  /** Whether cert-manager's webhook runs, or the policy in its place, which writes into a request who made it. */
  readonly named?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What csi-lib's loop makes of a request. */
export type Outcome =
  | {
      readonly kind: 'written';
      readonly certificate: X509Certificate;
      readonly chain: string;
      readonly ca: string;
    }
  | { readonly kind: 'error'; readonly message: string };

export interface Request {
  readonly key: KeyObject;
  readonly name: ObjectKey;
}

const ninetyDays = '2160h0m0s';

/** Makes requests and reads their answers as cert-manager's csi-driver does (csi-lib v0.12, manager.issue). */
export class CsiLibDriver {
  readonly #requests: Resource<CertificateRequest>;
  readonly #identity: Asker['identity'];
  readonly #pod: ObjectKey & { readonly uid: string };

  constructor({ client, identity }: Asker, pod: ObjectKey & { readonly uid: string }) {
    this.#requests = client.resource(certificateRequests);
    this.#identity = identity;
    this.#pod = pod;
  }

  async request(volume: CsiDriverVolume = {}): Promise<Request> {
    const { annotations = {}, duration = ninetyDays, issuer = 'ca', named = true, template } = volume;
    const usages = [...(volume.usages ?? (['digital signature', 'key encipherment'] as const))];
    const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const csr = await createRequest(
      {
        subject: {},
        altNames: { ...noAltNames, dnsNames: ['app.web.svc'] },
        usages: toUsages(usages, false),
        isCA: false,
        ...template,
      },
      key,
    );
    const name = { namespace: this.#pod.namespace ?? '', name: randomUUID() };
    await this.#requests.create({
      metadata: {
        ...name,
        annotations: { ...annotations },
        labels: {
          'csi.cert-manager.io/node-id-hash': '3154834391',
          'csi.cert-manager.io/volume-id-hash': '7',
        },
        // No controller and no blockOwnerDeletion.
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: this.#pod.name, uid: this.#pod.uid }],
      },
      spec: {
        request: Buffer.from(csr).toString('base64'),
        issuerRef: { name: issuer, kind: 'Issuer', group: 'cert-manager.io' },
        duration,
        isCA: false,
        usages,
        ...(named ? this.#identity : {}),
      },
    });
    return { key, name };
  }

  /** Its poll of the lister, in the order of its checks. */
  async outcome({ key, name }: Request, timeoutMs = 10_000): Promise<Outcome> {
    const settled = await eventually(
      `an answer to ${name.name}`,
      async () => {
        const request = await this.#requests.get(name);
        const ready = getCondition(request.status?.conditions, 'Ready');
        if (isDenied(request)) return { request, problem: 'denied' };
        if (ready?.reason === 'Issued') return { request, problem: undefined };
        return ready?.reason === 'Failed' ? { request, problem: ready.message ?? 'failed' } : undefined;
      },
      timeoutMs,
    );
    if (settled.problem !== undefined) return { kind: 'error', message: settled.problem };
    const decode = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString();
    const chain = decode(settled.request.status?.certificate);
    const certificate = new X509Certificate(chain);
    if (!certificate.checkPrivateKey(key)) throw new Error('a certificate for another key');
    return { kind: 'written', certificate, chain, ca: decode(settled.request.status?.ca) };
  }

  async status({ name }: Request): Promise<CertificateRequest['status']> {
    return (await this.#requests.get(name)).status;
  }

  /** Of a stale request, before the next one is made. */
  async delete({ name }: Request): Promise<void> {
    await this.#requests.delete(name);
  }
}
