import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Pod } from '../../src/api/core.ts';
import { pods } from '../../src/api/core.ts';
import { isTerminal } from '../../src/api/pod-certificate-request.ts';
import type {
  PodCertificateRequest,
  PodCertificateRequestSpec,
} from '../../src/api/pod-certificate-request.ts';
import { keyOf } from '../../src/kube/index.ts';
import { createRequest, decodePem, noAltNames } from '../../src/pki/index.ts';
import { eventually } from '../support/eventually.ts';
import { boundTo, deletePod } from '../support/node-identity.ts';
import { podCertificateVolume, podCertificates } from '../support/pod-certificates.ts';
import { newKey } from '../unit/controller/builders.ts';
import { csrFor, ownerOf, refusal, SecurityWorld } from './support/security-world.ts';
import type { Actor } from './support/security-world.ts';

const signers = [
  ...['mesh', 'web.ca', 'store.ca', 'nothing'].map((name) => `certmount.io/${name}`),
  'other.example/mesh',
];

let world: SecurityWorld;
let kubelet: Actor;
let otherKubelet: Actor;

before(async () => {
  world = await SecurityWorld.start({ podCertificates: true });
  kubelet = await world.actor({ node: 'node-a' });
  otherKubelet = await world.actor({ node: 'node-b' });
});
after(() => world.stop());

describe('a pod certificate', () => {
  it('is not asked for by a node for what is not its pod, or is not so any more', async () => {
    const mine = await projected();
    const theirs = await projected({ nodeName: 'node-b' });
    const gone = await projected();
    await deletePod(world.admin, gone);
    const again = await projected({ name: gone.metadata.name ?? '' });
    assert.notEqual(again.metadata.uid, gone.metadata.uid);
    const forgeries: readonly (readonly [string, Pod, Partial<PodCertificateRequestSpec>])[] = [
      ['a pod of another node', theirs, {}],
      ['a pod of another node, said to be there', theirs, { nodeName: 'node-b' }],
      ['a pod that is gone', gone, {}],
      ['another service account', mine, { serviceAccountName: 'back' }],
      ['another uid of it', mine, { serviceAccountUID: gone.metadata.uid ?? '' }],
      ['another uid of the node', mine, { nodeUID: gone.metadata.uid ?? '' }],
      ['another pod’s uid', mine, { podUID: theirs.metadata.uid ?? '' }],
    ];
    for (const [what, pod, forged] of forgeries)
      await assert.rejects(ask(kubelet, pod, forged), { name: 'KubeError' }, what);
    await assertIssued(await ask(kubelet, mine));
    await assertIssued(
      await ask(otherKubelet, theirs, { nodeName: 'node-b', nodeUID: world.nodeUid('node-b') }),
    );
  });

  it('is not asked for by a node for a static pod that it makes up in another namespace', async () => {
    const pod = await kubelet.client.resource(pods).create({
      metadata: {
        namespace: 'store',
        name: 'made-up',
        annotations: { 'kubernetes.io/config.mirror': 'x', 'kubernetes.io/config.hash': 'x' },
        ownerReferences: [
          { apiVersion: 'v1', kind: 'Node', name: 'node-a', uid: world.nodeUid('node-a'), controller: true },
        ],
      },
      spec: { nodeName: 'node-a', containers: [{ name: 'main', ...{ image: 'none' } }] },
    });
    // One of this name there, so that there is an account to name.
    await projected({ namespace: 'store', name: 'other', serviceAccount: 'default' });
    for (const serviceAccountName of ['default', ''])
      assert.ok(await refusal(ask(kubelet, pod, { serviceAccountName })));
  });

  it('is asked for by nobody but kubelets: not by pods, drivers or administrators', async () => {
    const pod = await projected();
    const workload = await world.actor(boundTo(pod));
    const driver = await world.driver('node-a');
    for (const actor of [workload, driver])
      assert.match(await refusal(ask(actor, pod)), /cannot create resource "podcertificaterequests"/);
    const admin = { client: world.admin, identity: {} as Actor['identity'] };
    assert.match(await refusal(ask(admin, pod)), /only the node of the pod may ask/);
  });

  it('is not of a signer that is not ours, nor of an Issuer of another namespace', async () => {
    const pod = await projected();
    const foreign = await ask(kubelet, pod, { signerName: 'other.example/mesh' });
    const beside = await ask(kubelet, pod, { signerName: 'certmount.io/store.ca' });
    const capitals = await ask(kubelet, pod, { signerName: 'certmount.io/Mesh' }).catch(() => undefined);
    await assertIssued(await ask(kubelet, pod, { signerName: 'certmount.io/web.ca' }));
    for (const request of [foreign, beside, ...(capitals ? [capitals] : [])]) {
      const { status } = await world.admin.resource(podCertificates).get(keyOf(request));
      assert.equal(status?.certificateChain, undefined);
    }
  });

  it('has no name by annotation that is not the pod’s', async () => {
    const pod = await projected();
    const annotations: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{ 'certmount.io/dns-names': 'db.store.svc' }, /dnsNames "db\.store\.svc"/],
      [{ 'certmount.io/dns-names': '*.web.svc.cluster.local' }, /dnsNames/],
      [{ 'certmount.io/dns-names': '${POD_NAME}.store' }, /dnsNames/],
      [{ 'certmount.io/dns-names': 'frоnt.web' }, /ASCII/],
      [{ 'certmount.io/dns-names': Array.from({ length: 101 }, (_, n) => `n${n}.web`).join() }, /101 names/],
      [{ 'certmount.io/ip-sans': '10.96.0.1' }, /ipAddresses/],
      [{ 'certmount.io/common-name': 'system:masters' }, /commonName/],
      [{ 'certmount.io/uris': 'spiffe://cluster.local/ns/store/sa/app' }, /not known/],
      [{ 'certmount.io/is-ca': 'true' }, /not known/],
    ];
    const requests = await Promise.all(
      annotations.map(([unverifiedUserAnnotations]) => ask(kubelet, pod, { unverifiedUserAnnotations })),
    );
    // All at once, because what a policy denies waits for half a minute.
    const answers = await Promise.all(requests.map((request) => answered(request, 45_000)));
    for (const [index, [, says]] of annotations.entries()) {
      const { status } = answers[index] ?? {};
      assert.equal(status?.certificateChain, undefined);
      assert.match(status?.conditions?.map(({ message }) => message).join() ?? '', says);
    }
    const own = { 'certmount.io/dns-names': '${POD_NAME}.web' };
    await assertIssued(await ask(kubelet, pod, { unverifiedUserAnnotations: own }));
  });

  it('is of a key alone: a stub that asks for names, or for an authority, is refused', async () => {
    const pod = await projected();
    const [block] = decodePem(await csrFor({ uris: ['spiffe://cluster.local/ns/store/sa/app'] }), 'it', 9999);
    const stubPKCS10Request = block?.der.toString('base64') ?? '';
    const { status } = await answered(await ask(kubelet, pod, { stubPKCS10Request }));
    assert.equal(status?.certificateChain, undefined);
    assert.match(status?.conditions?.[0]?.message ?? '', /asks for more than a key/);
  });

  it('is answered by the controller alone, and once', async () => {
    const request = await ask(kubelet, await projected(), { signerName: 'certmount.io/nothing' });
    const status = { conditions: [], certificateChain: 'x' };
    for (const { client } of [kubelet, otherKubelet, await world.driver('node-a')])
      assert.match(
        await refusal(
          client.resource(podCertificates).patch(keyOf(request), { status }, { subresource: 'status' }),
        ),
        /cannot patch resource "podcertificaterequests\/status"|forbidden/,
      );
  });
});

/** A pod that has certificates of whatever these attacks ask for. */
function projected(options: Parameters<typeof world.pod>[0] = {}): Promise<Pod> {
  return world.pod({ ...options, volumes: [podCertificateVolume(signers)] });
}

async function ask(
  actor: Actor,
  pod: Pod,
  forged: Partial<PodCertificateRequestSpec> = {},
): Promise<PodCertificateRequest> {
  const { name = '', namespace = '', uid = '' } = pod.metadata;
  const account = forged.serviceAccountName ?? pod.spec.serviceAccountName ?? 'default';
  const serviceAccountUID = await world.cluster
    .kubectl(['get', 'sa', '-n', namespace, account, '-o', 'jsonpath={.metadata.uid}'])
    .catch(() => uid);
  const pem = await createRequest({ subject: {}, altNames: noAltNames }, await newKey());
  const [stub] = decodePem(pem, 'the stub', 10_000);
  return actor.client.resource(podCertificates).create({
    metadata: { namespace, generateName: 'req-', ownerReferences: [ownerOf(pod)] },
    spec: {
      signerName: 'certmount.io/mesh',
      podName: name,
      podUID: uid,
      serviceAccountName: account,
      serviceAccountUID,
      nodeName: 'node-a',
      nodeUID: world.nodeUid('node-a'),
      maxExpirationSeconds: 86_400,
      stubPKCS10Request: stub?.der.toString('base64') ?? '',
      ...forged,
    },
  });
}

function answered(request: PodCertificateRequest, timeoutMs = 15_000): Promise<PodCertificateRequest> {
  return eventually(
    `an answer to ${request.metadata.name}`,
    async () => {
      const now = await world.admin.resource(podCertificates).get(keyOf(request));
      return isTerminal(now) ? now : undefined;
    },
    timeoutMs,
    20,
  );
}

async function assertIssued(request: PodCertificateRequest): Promise<void> {
  const { status } = await answered(request);
  assert.ok(status?.certificateChain, JSON.stringify(status));
}
