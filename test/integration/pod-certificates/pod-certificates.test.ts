import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { certificateRequestPolicies } from '../../../src/api/certificate-request-policy.ts';
import type { CertificateRequestPolicySpec } from '../../../src/api/certificate-request-policy.ts';
import { events } from '../../../src/api/core.ts';
import type { Pod } from '../../../src/api/core.ts';
import { clusterIssuers, issuers } from '../../../src/api/issuer.ts';
import type { PodCertificateRequest } from '../../../src/api/pod-certificate-request.ts';
import { readListed } from '../../../src/controller/read-listed.ts';
import { isKubeError, KubeClient, keyOf, systemClock } from '../../../src/kube/index.ts';
import { checkX509Svid, formatSpiffeId, generateKey, parseChain } from '../../../src/pki/index.ts';
import type { UsageName } from '../../../src/api/usages.ts';
import { controllerCredentials } from '../../support/controller-credentials.ts';
import { eventually } from '../../support/eventually.ts';
import { mayUse } from '../../support/may-use.ts';
import { newCa } from '../../unit/controller/builders.ts';
import type { TestCa } from '../../unit/controller/builders.ts';
import { startController } from '../controller/support/controller.ts';
import type { RunningController } from '../controller/support/controller.ts';
import { nodeName, PodCertificateWorld } from './support/pod-certificate-world.ts';
import { keyForms, podCertificates, trustBundles } from '../../support/pod-certificates.ts';

const identity = 'spiffe://cluster.local/ns/web/sa/api';
const bundleName = 'certmount.io:mesh-ca:anchors';
const hour = 3_600_000;
const day = 24 * hour;

describe("kubelets' requests for pod certificates", { timeout: 180_000 }, () => {
  let world: PodCertificateWorld;
  let controller: RunningController;
  let root: TestCa;
  let pod: Pod;

  before(async () => {
    world = await PodCertificateWorld.start();
    const validity = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 365 * day) };
    root = await newCa(validity);
    const intermediate = await newCa({ parent: root, ...validity });
    await world.createClusterIssuer('mesh-ca', intermediate, [root]);
    pod = await world.createPod('api-0', 'api');
    controller = await startController(world);
  });
  after(async () => {
    await controller?.stop();
    await world?.stop();
  });

  for (const form of keyForms) {
    it(`are answered with the identity of the pod's service account, as ${form}`, async () => {
      const { status } = await world.whenAnswered(await world.ask(pod, { form }));
      const [condition] = status?.conditions ?? [];
      assert.deepEqual([condition?.type, condition?.status], ['Issued', 'True'], JSON.stringify(status));
      const [leaf, ...above] = parseChain(status?.certificateChain ?? '');
      assert.ok(leaf);
      assert.equal(formatSpiffeId(checkX509Svid(leaf)), identity);
      assert.equal(above.length, 1, 'the intermediate, and no root');
      assert.equal(leaf.notAfter.getTime() - leaf.notBefore.getTime(), day);
      const refresh = Date.parse(status?.beginRefreshAt ?? '') - leaf.notBefore.getTime();
      assert.ok(refresh >= 0.4 * day - 1000 && refresh <= 0.5 * day, `${refresh / hour} h`);
    });
  }

  it('are verified by OpenSSL against the anchors of the ClusterTrustBundle', async () => {
    const { status } = await world.whenAnswered(await world.ask(pod));
    const bundle = await eventually('the trust bundle', () =>
      world.admin.resource(trustBundles).get({ name: bundleName }),
    );
    assert.equal(bundle.spec.signerName, 'certmount.io/mesh-ca');
    const folder = mkdtempSync(join(tmpdir(), 'certmount-openssl-'));
    try {
      const [anchors, chain] = [join(folder, 'anchors.pem'), join(folder, 'chain.pem')];
      writeFileSync(anchors, bundle.spec.trustBundle);
      writeFileSync(chain, status?.certificateChain ?? '');
      for (const purpose of ['sslserver', 'sslclient']) {
        const flags = ['-x509_strict', '-purpose', purpose, '-CAfile', anchors, '-untrusted', chain];
        assert.match(execFileSync('openssl', ['verify', ...flags, chain]).toString(), /: OK/);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('take every kind of key that the API has', async () => {
    const kinds = [
      { algorithm: 'RSA', size: 3072 },
      { algorithm: 'ECDSA', size: 384 },
      { algorithm: 'ECDSA', size: 521 },
      { algorithm: 'Ed25519' },
    ] as const;
    for (const kind of kinds) {
      for (const form of keyForms) {
        const key = await generateKey(kind);
        const { status } = await world.whenAnswered(await world.ask(pod, { form, key }));
        assert.equal(status?.conditions?.[0]?.type, 'Issued', JSON.stringify([kind, status]));
      }
    }
  });

  it('get each lifetime that the API has', async () => {
    for (const maxExpirationSeconds of [3600, 7_862_400]) {
      const { status } = await world.whenAnswered(await world.ask(pod, { maxExpirationSeconds }));
      const { notBefore = '', notAfter = '' } = status ?? {};
      assert.equal(Date.parse(notAfter) - Date.parse(notBefore), maxExpirationSeconds * 1000);
    }
  });

  it('get a DNS name of the pod by annotation', async () => {
    const own = await world.whenAnswered(
      await world.ask(pod, {
        unverifiedUserAnnotations: { 'certmount.io/dns-names': '${POD_NAME}.${POD_NAMESPACE}' },
      }),
    );
    const [leaf] = parseChain(own.status?.certificateChain ?? '');
    assert.deepEqual(leaf?.altNames.dnsNames, ['api-0.web']);
  });

  it('wait a while for the Service whose name they ask for, and tell the pod what is missing', async () => {
    const unverifiedUserAnnotations = { 'certmount.io/dns-names': 'late.web.svc' };
    const request = await world.ask(pod, { unverifiedUserAnnotations });
    assert.match(await told('api-0', 'NotAllowedYet'), /late\.web\.svc/);
    await world.cluster.kubectl(['label', 'pod', '-n', 'web', 'api-0', 'app=late']);
    await world.cluster.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'web', name: 'late' },
      spec: { selector: { app: 'late' }, ports: [{ port: 443 }] },
    });
    const [leaf] = parseChain((await world.whenAnswered(request)).status?.certificateChain ?? '');
    assert.deepEqual(leaf?.altNames.dnsNames, ['late.web.svc']);
  });

  it('go on when the policy that allows them comes after them, as in one chart with the Deployment', async () => {
    const unverifiedUserAnnotations = { 'certmount.io/dns-names': 'shop.example.org' };
    const request = await world.ask(await world.createPod('shop-0', 'shop'), { unverifiedUserAnnotations });
    assert.match(await told('shop-0', 'NotAllowedYet'), /shop\.example\.org/);
    await createPolicy('shop', { dnsNames: { values: ['shop.example.org'] } });
    const [leaf] = parseChain((await world.whenAnswered(request)).status?.certificateChain ?? '');
    assert.deepEqual(leaf?.altNames.dnsNames, ['shop.example.org']);
  });

  it('get a shorter lifetime where their policy allows no more', async () => {
    await createPolicy('halfday', {}, { maxDuration: '12h' });
    const request = await world.ask(await world.createPod('halfday-0', 'halfday'));
    const { notAfter = '', notBefore = '' } = (await world.whenAnswered(request)).status ?? {};
    assert.equal(Date.parse(notAfter) - Date.parse(notBefore), 12 * hour);
  });

  it('are denied when nothing allows them for half a minute: a foreign name, less than an hour', async () => {
    await createPolicy('moment', {}, { maxDuration: '30m' });
    const unverifiedUserAnnotations = { 'certmount.io/dns-names': 'api.bank.svc' };
    const requests = [
      await world.ask(pod, { unverifiedUserAnnotations }),
      await world.ask(await world.createPod('moment-0', 'moment')),
    ];
    const answers = await Promise.all(requests.map((request) => world.whenAnswered(request, 45_000)));
    for (const [index, says] of [/api\.bank\.svc/, /maxDuration/].entries()) {
      const { conditions: [condition] = [], ...more } = answers[index]?.status ?? {};
      assert.deepEqual([condition?.type, condition?.reason], ['Denied', 'PolicyDenied']);
      assert.match(condition?.message ?? '', says);
      assert.deepEqual(more, {});
    }
  });

  it('are refused for a pod that has ended', async () => {
    const ended = await world.createPod('ended', 'api');
    const request = await world.request(ended);
    const patch = JSON.stringify({ status: { phase: 'Succeeded' } });
    await world.cluster.kubectl(['patch', 'pod', '-n', 'web', 'ended', '--subresource=status', '-p', patch]);
    const resource = world.node.resource(podCertificates);
    const { status } = await world.whenAnswered(await resource.create(request));
    assert.equal(status?.conditions?.[0]?.reason, 'PodFinished');
  });

  it('that were made while no controller led are answered by the next', async () => {
    await controller.stop();
    const request = await world.ask(pod);
    controller = await startController(world);
    assert.equal((await world.whenAnswered(request)).status?.conditions?.[0]?.type, 'Issued');
  });

  it('are denied for an annotation that nobody knows, with the one that was meant', async () => {
    const { status } = await world.whenAnswered(
      await world.ask(pod, { unverifiedUserAnnotations: { 'certmount.io/dns-name': 'api-0.web' } }),
    );
    const [condition] = status?.conditions ?? [];
    assert.deepEqual([condition?.type, condition?.reason], ['Denied', 'InvalidUnverifiedUserAnnotations']);
    assert.match(condition?.message ?? '', /did you mean certmount\.io\/dns-names\?/);
  });

  it('are read again, after an answer that was lost, with the rights of the controller', async () => {
    const request = await world.whenAnswered(await world.ask(pod));
    const connection = await world.cluster.connection(controllerCredentials);
    const client = new KubeClient(
      { connection, userAgent: 'test' },
      { clock: systemClock, random: Math.random },
    );
    const read = await readListed(client.resource(podCertificates), request);
    assert.deepEqual(read?.status, request.status);
    client.close();
  });

  it('keep their answer for good', async () => {
    const answered = await world.whenAnswered(await world.ask(pod));
    const resource = world.admin.resource(podCertificates);
    for (const status of [{}, { conditions: [] }, { ...answered.status, certificateChain: '' }]) {
      const body = { ...answered, status } as PodCertificateRequest;
      await assert.rejects(resource.replaceStatus(body), (error) => isKubeError(error, 'invalid'));
    }
    const { status } = await resource.get(keyOf(answered));
    assert.deepEqual(status, answered.status);
  });

  it('wait for an issuer that is not there yet, tell the pod so, and go on when it comes', async () => {
    const request = await world.ask(pod, { signerName: 'certmount.io/late-ca' });
    const told = await eventually('the Event of the pod', async () => {
      const { items } = await world.admin.resource(events).list({ namespace: 'web' });
      return items.find(({ reason }) => reason === 'IssuerNotFound');
    });
    assert.deepEqual(
      [told.regarding?.apiVersion, told.regarding?.kind, told.regarding?.uid],
      ['v1', 'Pod', pod.metadata.uid],
    );
    await world.createClusterIssuer('late-ca', root);
    const { status } = await world.whenAnswered(request);
    assert.equal(status?.conditions?.[0]?.type, 'Issued');
    assert.equal(parseChain(status.certificateChain ?? '').length, 1, 'a root signs without intermediates');
  });

  it('stay pending for a CA that does not live another hour, and are issued when it is renewed', async () => {
    const dying = await newCa({
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + hour / 2),
    });
    await world.createClusterIssuer('dying-ca', dying);
    const request = await world.ask(pod, { signerName: 'certmount.io/dying-ca' });
    await eventually('the wait to be counted', async () =>
      (await controller.metric(
        'certmount_controller_pod_certificate_waits_total{reason="LifetimeTooShort"}',
      )) > 0
        ? true
        : undefined,
    );
    const present = await world.admin.resource(podCertificates).get(keyOf(request));
    assert.deepEqual(present.status, {});
    assert.equal(await controller.metric('certmount_controller_open_pod_certificate_requests'), 1);
    await world.admin.resource(podCertificates).delete(keyOf(request));
    await world.admin.resource(clusterIssuers).delete({ name: 'dying-ca' });
  });

  it('go to the Issuer of the pod by PODNAMESPACE.NAME, but not to that of another namespace', async () => {
    await world.putCa('web', 'team-ca', root);
    await world.admin.resource(issuers).create({
      metadata: { namespace: 'web', name: 'team-ca' },
      spec: { ca: { secretName: 'team-ca' } },
    });
    const own = await world.whenAnswered(await world.ask(pod, { signerName: 'certmount.io/web.team-ca' }));
    assert.equal(own.status?.conditions?.[0]?.message, 'Certificate issued by Issuer/web/team-ca');
    const bundles = await world.admin.resource(trustBundles).list();
    const names = bundles.items.map(({ metadata }) => metadata.name);
    assert.ok(!names.some((name) => name?.includes('team-ca')), 'no namespace writes to the cluster');
  });

  it('are taken from no one but the node of the pod', async () => {
    const request = await world.request(pod);
    await assert.rejects(
      world.admin.resource(podCertificates).create(request),
      /only the node of the pod may ask certmount.io for its certificate/,
    );
    const other = new KubeClient(
      { connection: await world.cluster.connection({ node: 'node-b' }), userAgent: 'certmount-test' },
      { clock: systemClock, random: Math.random },
    );
    await assert.rejects(other.resource(podCertificates).create(request), /not the requesting node "node-b"/);
    other.close();
    const elsewhere = {
      ...request,
      spec: { ...request.spec, podUID: 'a9f10a7e-0000-4000-8000-000000000000' },
    };
    await assert.rejects(world.node.resource(podCertificates).create(elsewhere), /differs from running pod/);
    const account = { ...request, spec: { ...request.spec, serviceAccountName: 'admin' } };
    await assert.rejects(world.node.resource(podCertificates).create(account), /serviceAccountName/);
  });

  it('cost one API write each, and are in the log with all that an audit asks for', async () => {
    const series = /^apiserver_request_total\{.*resource="podcertificaterequests".*verb="(PUT|PATCH)"/;
    const count = async (): Promise<number> => {
      const text = await world.admin.request<string>({ method: 'GET', path: '/metrics' });
      const lines = text.split('\n').filter((line) => series.test(line));
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    };
    const before = await count();
    const { metadata, status } = await world.whenAnswered(await world.ask(pod));
    assert.equal((await count()) - before, 1);
    const [leaf] = parseChain(status?.certificateChain ?? '');
    const line = controller.log.find((text) => text.includes(leaf?.serialNumber ?? '-'));
    const said = JSON.parse(line ?? '{}') as Record<string, string>;
    assert.deepEqual(
      [said['podCertificateRequest'], said['pod'], said['node'], said['identity'], said['issuer']],
      [`web/${metadata.name}`, 'web/api-0', nodeName, identity, 'ClusterIssuer/mesh-ca'],
    );
    assert.equal(said['podUid'], pod.metadata.uid);
    assert.ok(said['policy'] !== undefined && said['notAfter'] !== undefined, line ?? 'no line');
  });

  /** For the service account of that name. */
  async function createPolicy(
    name: string,
    allowed: CertificateRequestPolicySpec['allowed'],
    constraints: CertificateRequestPolicySpec['constraints'] = {},
  ): Promise<void> {
    const usages: UsageName[] = ['digital signature', 'server auth', 'client auth'];
    await world.admin.resource(certificateRequestPolicies).create({
      metadata: { name },
      spec: {
        selector: { issuerRef: {} },
        allowed: { uris: { values: ['*'] }, usages, ...allowed },
        constraints,
      },
    });
    await world.cluster.apply(mayUse(name, { kind: 'ServiceAccount', namespace: 'web', name }, 'web'));
  }

  /** What an Event of that reason tells the pod. */
  function told(name: string, reason: string): Promise<string> {
    return eventually(`the Event ${reason} of ${name}`, async () => {
      const { items } = await world.admin.resource(events).list({ namespace: 'web' });
      return items.find((one) => one.regarding?.name === name && one.reason === reason)?.note;
    });
  }

  describe('the ClusterTrustBundle of an issuer', () => {
    it('comes back when somebody changes or deletes it', async () => {
      const resource = world.admin.resource(trustBundles);
      const bundle = await eventually('the bundle', () => resource.get({ name: bundleName }));
      const stranger = await newCa();
      await resource.replace({ ...bundle, spec: { ...bundle.spec, trustBundle: stranger.pem } });
      await eventually('it to be put right', async () =>
        (await resource.get({ name: bundleName })).spec.trustBundle === bundle.spec.trustBundle
          ? true
          : undefined,
      );
      await resource.delete({ name: bundleName });
      await eventually('it to be there again', () => resource.get({ name: bundleName }));
    });

    it('goes with its issuer', async () => {
      const resource = world.admin.resource(trustBundles);
      const name = 'certmount.io:late-ca:anchors';
      await eventually('it to be there', () => resource.get({ name }));
      await world.admin.resource(clusterIssuers).delete({ name: 'late-ca' });
      await eventually('it to be gone', async () =>
        (await resource.list()).items.some(({ metadata }) => metadata.name === name) ? undefined : true,
      );
    });
  });
});
