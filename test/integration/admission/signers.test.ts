import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type CertificateSigningRequest,
  certificateSigningRequests,
} from '../../../src/api/certificate-signing-request.ts';
import type { KubeClient } from '../../../src/kube/index.ts';
import { base64, newCa, newCsr } from '../../unit/controller/builders.ts';
import { AdmissionWorld, refusal } from './support/admission-world.ts';
import { signers } from './support/decisions.ts';
import { controllerCredentials } from '../../support/controller-credentials.ts';
import { podCertificateGates, trustBundles } from '../../support/pod-certificates.ts';

const signerName = 'certmount.io/mesh';
const kinds = ['certificates.k8s.io'];

describe("Kubernetes' own signers", { timeout: 120_000 }, () => {
  let world: AdmissionWorld;
  let controller: KubeClient;
  let mallory: KubeClient;
  let pem: string;

  before(async () => {
    world = await AdmissionWorld.start(podCertificateGates);
    // The controller's permissions on these resources, without those on signers of certmount.io.
    await world.grant(
      'mallory',
      ['mallory'],
      [
        { apiGroups: kinds, resources: ['clustertrustbundles'], verbs: ['create'] },
        { apiGroups: kinds, resources: ['certificatesigningrequests/status'], verbs: ['update'] },
        signers('certificates.k8s.io', 'sign', 'example.com/*'),
        signers('certificates.k8s.io', 'attest', 'example.com/*'),
      ],
    );
    mallory = await world.client({ user: 'mallory' });
    controller = await world.client(controllerCredentials);
    ({ pem } = await newCa());
  });
  after(() => world?.stop());

  it('are published the anchors of by the controller alone', async () => {
    const publish = (client: KubeClient, name: string): Promise<unknown> =>
      client.resource(trustBundles).create({
        metadata: { name: `${signerName.replace('/', ':')}:${name}` },
        spec: { signerName, trustBundle: pem },
      });
    assert.match((await refusal(publish(mallory, 'forged'))) ?? '', /not permitted to attest/);
    await publish(controller, 'anchors');
  });

  it('are signed for by the controller alone', async () => {
    for (const signer of [
      signerName,
      'issuers.cert-manager.io/web.ca',
      'clusterissuers.cert-manager.io/ca',
    ]) {
      const request = await approvedRequest(signer);
      const answer = { ...request, status: { ...request.status, certificate: base64(pem) } };
      const forged = mallory.resource(certificateSigningRequests).replaceStatus(answer);
      assert.match((await refusal(forged)) ?? '', /not permitted to sign requests with signerName/);
      const { status } = await controller.resource(certificateSigningRequests).replaceStatus(answer);
      assert.equal(status?.certificate, base64(pem));
    }
  });

  async function approvedRequest(signer: string): Promise<CertificateSigningRequest> {
    const resource = world.admin.resource(certificateSigningRequests);
    const name = `request-${signer.replaceAll('/', '.')}`;
    const request = base64(await newCsr());
    await resource.create({
      metadata: { name },
      spec: { request, signerName: signer, usages: ['client auth'] },
    });
    const approved = { type: 'Approved', status: 'True', reason: 'Test' };
    return resource.patch({ name }, { status: { conditions: [approved] } }, { subresource: 'approval' });
  }
});
