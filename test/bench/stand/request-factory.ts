import { randomBytes } from 'node:crypto';
import { type CertificateRequest, certificateRequests } from '../../../src/api/certificate-request.ts';
import { toUsages } from '../../../src/api/usages.ts';
import { requestLabels } from '../../../src/api/driver-requests.ts';
import { requestName, requestObject } from '../../../src/driver/volume/issuance/request-object.ts';
import { Requester, type RequesterIdentity } from '../../../src/driver/volume/issuance/requester.ts';
import { parseAttributes } from '../../../src/driver/volume/attributes/parse-attributes.ts';
import type { VolumeSpec } from '../../../src/driver/volume/volume-spec.ts';
import type { KubeClient } from '../../../src/kube/index.ts';
import { createRequest, generateKey } from '../../../src/pki/index.ts';
import { nodeName } from './install-cluster.ts';
import type { TestStand } from './test-stand.ts';

/** Label of requests that no driver takes for its own. */
export const bareNode = 'bare';

/** CertificateRequests as the driver makes them for a volume with nothing but an issuer. */
export class RequestFactory {
  readonly #spec: VolumeSpec;
  readonly #requester: RequesterIdentity;

  private constructor(spec: VolumeSpec, requester: RequesterIdentity) {
    this.#spec = spec;
    this.#requester = requester;
  }

  /** @param client with the driver's credentials: who it is to the API server stands in each request */
  static async create(stand: TestStand, client: KubeClient): Promise<RequestFactory> {
    const { issuer, pod } = stand.installed;
    const requester = new Requester({}, { client, token: () => Promise.resolve(undefined) });
    const attributes = parseAttributes(
      { 'issuer-name': issuer, 'issuer-kind': 'ClusterIssuer' },
      {
        pod: { ...pod, serviceAccount: 'default' },
        nodeName,
        trustDomain: 'cluster.local',
        mountGroup: undefined,
        podIps: undefined,
        compatibility: 'none',
        defaultIssuer: undefined,
        defaultDuration: undefined,
      },
    );
    const volumeId = `csi-${randomBytes(32).toString('hex')}`;
    return new RequestFactory({ volumeId, targetPath: '/', ...attributes }, await requester.identity());
  }

  /** For the controller to sign. */
  async make(): Promise<CertificateRequest> {
    const { certificate, key, pod } = this.#spec;
    const { dnsNames, ipAddresses, isCA, uris, usages } = certificate;
    const template = {
      subject: {},
      altNames: { dnsNames, ipAddresses, uris, emailAddresses: [] },
      usages: toUsages(usages, isCA),
      isCA,
    };
    return requestObject(this.#spec, {
      driverName: 'csi.certmount.io',
      nodeName,
      name: requestName(pod.name, randomBytes(5).toString('hex')),
      signingRequest: await createRequest(template, await generateKey(key.spec)),
      requester: this.#requester,
    });
  }

  /** Of the same shape, for an issuer of another group, which certmount's controller leaves alone. */
  async makeBare(): Promise<CertificateRequest> {
    const request = await this.make();
    const labels = { ...request.metadata.labels, [requestLabels.node]: bareNode };
    const issuerRef = { ...request.spec.issuerRef, group: 'bench.example.com' };
    return { ...request, metadata: { ...request.metadata, labels }, spec: { ...request.spec, issuerRef } };
  }

  async makeMany(count: number, make: () => Promise<CertificateRequest>): Promise<CertificateRequest[]> {
    const made: CertificateRequest[] = [];
    for (let index = 0; index < count; index++) made.push(await make());
    return made;
  }
}

/** Deletes the requests, all of the namespace where no selector is given. */
export async function deleteRequests(
  admin: KubeClient,
  namespace: string,
  labelSelector?: string,
): Promise<void> {
  const { group, plural, version } = certificateRequests;
  const path = `/apis/${group}/${version}/namespaces/${namespace}/${plural}`;
  await admin.request({ method: 'DELETE', path, query: { labelSelector } }, { timeoutMs: 60_000 });
}
