import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { certificateRequests } from '../../src/api/certificate-request.ts';
import { getCondition, setCondition } from '../../src/api/condition.ts';
import type { ObjectKey } from '../../src/kube/index.ts';
import { noAltNames } from '../../src/pki/index.ts';
import { type RunningController, startController } from '../integration/controller/support/controller.ts';
import { World } from '../integration/controller/support/world.ts';
import { driverCredentials } from '../support/node-identity.ts';
import { newCa } from '../unit/controller/builders.ts';
import { type CsiDriverVolume, CsiLibDriver, type Outcome, type Request } from './support/csi-lib-driver.ts';

const account = { namespace: 'cert-manager', name: 'cert-manager-csi-driver' };
const csiDriver = `system:serviceaccount:${account.namespace}:${account.name}`;
/** Those that csi-driver's chart gives it. */
const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: account.name };
const rights = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: role.name },
    rules: [
      {
        apiGroups: ['cert-manager.io'],
        resources: ['certificaterequests'],
        verbs: ['get', 'list', 'watch', 'create', 'delete'],
      },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: role.name },
    roleRef: role,
    subjects: [{ kind: 'ServiceAccount', ...account }],
  },
];
const nameIt = ['--driver-service-account', csiDriver];
const day = 24 * 3_600_000;

let world: World;
let peer: CsiLibDriver;
let root: X509Certificate;
let controller: RunningController | undefined;

describe("the controller with cert-manager's csi-driver", { timeout: 120_000 }, () => {
  before(async () => {
    world = await World.start();
    const ca = await newCa({
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + 365 * day),
    });
    root = new X509Certificate(ca.pem);
    await world.putCa({ namespace: 'web', name: 'ca' }, ca);
    await world.createIssuer('ca', { ca: { secretName: 'ca' } });
    await world.cluster.apply(rights);
    // On the node of the pod, as the kubelet would have it.
    const { metadata } = await world.pod();
    const asker = await world.asker(await driverCredentials(world.client, 'node-a', account));
    peer = new CsiLibDriver(asker, { namespace: 'web', name: 'app', uid: metadata.uid ?? '' });
    await world.allow('csi-driver', {
      selector: { issuerRef: {} },
      allowed: {
        commonName: { value: '*' },
        subject: { organizations: { values: ['*'] }, countries: { values: ['*'] } },
        dnsNames: { values: ['app.web.svc', '*.app.web.svc'] },
        ipAddresses: { values: ['192.0.2.7'] },
        uris: { values: ['spiffe://cluster.local/ns/web/sa/app'] },
        usages: ['digital signature', 'key encipherment', 'client auth', 'server auth'],
      },
    });
  });
  after(() => world?.stop());
  afterEach(async () => {
    await controller?.stop();
    controller = undefined;
  });

  async function start(...flags: readonly string[]): Promise<void> {
    controller = await startController(world, ['--leader-elect=false', ...flags]);
  }

  async function issue(volume: CsiDriverVolume = {}): Promise<Outcome> {
    return peer.outcome(await peer.request(volume));
  }

  /** When it has answered a later one it has looked at this one too. */
  async function isLeftAlone(request: Request, later: Promise<ObjectKey>): Promise<void> {
    await world.whenReady(await later);
    assert.equal(await peer.status(request), undefined);
  }

  async function approveByHand({ name }: Request): Promise<void> {
    const requests = world.client.resource(certificateRequests);
    const request = await requests.get(name);
    const approved = { type: 'Approved', status: 'True', reason: 'cmctl', message: 'by hand' } as const;
    const conditions = setCondition(request.status?.conditions, approved, Date.now());
    await requests.replaceStatus({ ...request, status: { ...request.status, conditions } });
  }

  describe('whose requests nobody has to approve but', () => {
    it('cert-manager itself or a person, when the controller was told nothing', async () => {
      await start();
      const request = await peer.request();
      await isLeftAlone(request, world.request());
      await approveByHand(request);
      assert.equal((await peer.outcome(request)).kind, 'written');
    });

    it('a person, when no webhook says who made them', async () => {
      await start(...nameIt);
      const request = await peer.request({ named: false });
      const named = peer.request();
      await isLeftAlone(
        request,
        named.then(({ name }) => name),
      );
      await approveByHand(request);
      assert.equal((await peer.outcome(request)).kind, 'written');
    });

    it('the controller, when --driver-service-account names the driver', async () => {
      await start(...nameIt);
      const request = await peer.request();
      assert.equal((await peer.outcome(request)).kind, 'written');
      const approved = getCondition((await peer.status(request))?.conditions, 'Approved');
      assert.equal(approved?.reason, 'policy.cert-manager.io');
    });

    it('the controller with --approve-all, but where there are policies those of somebody alone', async () => {
      await start('--approve-all');
      const unnamed = await peer.request({ named: false });
      const request = await peer.request();
      assert.equal((await peer.outcome(request)).kind, 'written');
      const approved = getCondition((await peer.status(request))?.conditions, 'Approved');
      assert.equal(approved?.reason, 'cert-manager.io');
      assert.equal(await peer.status(unnamed), undefined);
    });
  });

  const rows: readonly {
    readonly name: string;
    readonly volume: CsiDriverVolume;
    readonly podSees: (certificate: X509Certificate) => void;
  }[] = [
    {
      name: 'with its defaults: RSA, 90 days',
      volume: {},
      podSees: (certificate) => {
        assert.equal(certificate.publicKey.asymmetricKeyType, 'rsa');
        assert.equal(certificate.subjectAltName, 'DNS:app.web.svc');
        assert.equal(certificate.subject, undefined);
        const lifetime = certificate.validToDate.getTime() - Date.now();
        assert.ok(Math.abs(lifetime - 90 * day) < 3_600_000, certificate.validTo);
        assert.equal(certificate.ca, false);
      },
    },
    {
      name: 'with names of every kind and a whole subject',
      volume: {
        template: {
          subject: { commonName: 'app.web', organizations: ['Example, Inc.'], countries: ['DE'] },
          altNames: {
            ...noAltNames,
            dnsNames: ['app.web.svc', '*.app.web.svc'],
            ipAddresses: ['192.0.2.7'],
            uris: ['spiffe://cluster.local/ns/web/sa/app'],
          },
        },
      },
      podSees: (certificate) => {
        assert.match(certificate.subject, /CN=app\.web/);
        assert.match(certificate.subject, /O=Example\\, Inc\./);
        for (const name of ['DNS:app.web.svc', 'DNS:*.app.web.svc', 'IP Address:192.0.2.7', 'URI:spiffe://'])
          assert.ok(certificate.subjectAltName?.includes(name), name);
      },
    },
    {
      name: 'with usages for servers and clients',
      volume: {
        template: { altNames: { ...noAltNames, dnsNames: ['app.web.svc'] } },
        usages: ['digital signature', 'key encipherment', 'server auth', 'client auth'],
      },
      podSees: (certificate) =>
        assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']),
    },
    {
      name: 'with a duration of an hour and an annotation of another group',
      volume: {
        template: { subject: { commonName: 'short' } },
        duration: '1h0m0s',
        annotations: { 'example.com/ticket': '4711' },
      },
      podSees: (certificate) => {
        const lifetime = certificate.validToDate.getTime() - Date.now();
        assert.ok(Math.abs(lifetime - 3_600_000) < 120_000, certificate.validTo);
      },
    },
  ];

  describe('gives a volume', () => {
    for (const { name, podSees, volume } of rows) {
      it(name, async () => {
        await start(...nameIt);
        const outcome = await issue(volume);
        assert.equal(outcome.kind, 'written');
        if (outcome.kind !== 'written') return;
        podSees(outcome.certificate);
        assert.ok(outcome.certificate.verify(root.publicKey));
        assert.equal(new X509Certificate(outcome.ca).fingerprint256, root.fingerprint256);
      });
    }
  });

  it('tells it of a denial in the way that it reads', async () => {
    await start(...nameIt);
    const outcome = await issue({
      template: { altNames: { ...noAltNames, uris: ['spiffe://cluster.local/ns/kube-system/sa/admin'] } },
    });
    assert.deepEqual(outcome, { kind: 'error', message: 'denied' });
  });

  it('tells it of a failure in the way that it reads', async () => {
    await start(...nameIt);
    // The CSR has other usages than the request: csi-driver never does this, its users' forks did.
    const outcome = await issue({
      usages: ['digital signature', 'client auth'],
      template: { usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: ['serverAuth'] } },
    });
    assert.equal(outcome.kind, 'error');
    assert.match(outcome.kind === 'error' ? outcome.message : '', /ExtKeyUsages/);
  });

  it('refuses what has no name at all, which cert-manager signs: RFC 5280 §4.1.2.6', async () => {
    await start(...nameIt);
    const outcome = await issue({ template: { altNames: noAltNames } });
    assert.equal(outcome.kind, 'error');
    assert.match(outcome.kind === 'error' ? outcome.message : '', /the certificate would have no name/);
  });

  it('lets it delete stale requests and make others, however fast, without an error of its own', async () => {
    await start(...nameIt);
    for (let round = 0; round < 20; round += 1) {
      const request = await peer.request();
      await peer.delete(request);
    }
    assert.equal((await issue()).kind, 'written');
    const trouble = controller?.log.filter((line) => /"level":"(warn|error)"/.test(line));
    assert.deepEqual(trouble, []);
  });
});
