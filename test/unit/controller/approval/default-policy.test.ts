import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noAltNames } from '../../../../src/pki/index.ts';
import type { AltNames, RequestTemplate } from '../../../../src/pki/index.ts';
import { compile, defaultPolicy, knownPolicy, Policies } from '../../../../src/policy/index.ts';
import { newCsr } from '../builders.ts';
import { newCluster, newPod, ofDriver, Scene } from './support/scene.ts';

const service = { metadata: { namespace: 'web', name: 'api' }, spec: { selector: { app: 'app' } } };
const other = { metadata: { namespace: 'web', name: 'db' }, spec: { selector: { app: 'db' } } };
const own = 'spiffe://cluster.local/ns/web/sa/app';

/** The driver of node `a` asks for the pod of `web/app`, with the policy that everybody has. */
function newScene(): Scene {
  const known = { ...knownPolicy(defaultPolicy, compile(defaultPolicy)), readiness: 'ready' as const };
  const policies = new Policies(
    { surroundings: { trustDomain: 'cluster.local', clusterDomain: 'cluster.local' } },
    {
      list: () => [known],
      isBound: () => Promise.resolve(false),
      namespaceLabels: () => Promise.resolve({}),
    },
  );
  const pod = newPod({ hostname: 'app-0', subdomain: 'peers' });
  const scene = new Scene(newCluster({ pods: [pod], services: [service, other] }));
  scene.judge = (request) => policies.decide(request);
  return scene;
}

function csrFor(names: Partial<AltNames>, template: Partial<RequestTemplate> = {}): Promise<string> {
  return newCsr({ altNames: { ...noAltNames, ...names }, ...template });
}

describe('what a driver gets for a pod without any other policy', () => {
  it('is its identity, its names, those of its services and of its namespace, and its addresses', async () => {
    for (const names of [
      { uris: [own] },
      { dnsNames: ['app-0.web', 'app-0.web.pod.cluster.local', 'app-0.peers.web.svc.cluster.local'] },
      { dnsNames: ['api.web', 'api.web.svc', 'api.web.svc.cluster.local', 'anything.web.svc.cluster.local'] },
      { ipAddresses: ['10.0.0.1'] },
    ]) {
      const decision = await newScene().decide(ofDriver(), await csrFor(names));
      assert.equal(decision.decision, 'approve', JSON.stringify([names, decision]));
    }
  });

  const attacks: readonly (readonly [string, Partial<AltNames>, RegExp])[] = [
    ['another namespace', { uris: ['spiffe://cluster.local/ns/other/sa/app'] }, /ns\/other\/sa\/app/],
    ['another account', { uris: ['spiffe://cluster.local/ns/web/sa/admin'] }, /sa\/admin/],
    ['another trust domain', { uris: ['spiffe://example.org/ns/web/sa/app'] }, /example\.org/],
    ['another spelling', { uris: ['SPIFFE://cluster.local/ns/web/sa/admin'] }, /SPIFFE:/],
    ['a path below', { uris: [`${own}/admin`] }, /admin/],
    ['a second identity', { uris: [own, 'spiffe://cluster.local/ns/web/sa/admin'] }, /sa\/admin/],
    ['a service of another namespace', { dnsNames: ['api.other.svc.cluster.local'] }, /api\.other/],
    ['a service that does not select it', { dnsNames: ['db.web'] }, /"db\.web"/],
    ['the bare name of a service', { dnsNames: ['api'] }, /"api"/],
    ['a name of the world', { dnsNames: ['www.example.com'] }, /www\.example\.com/],
    ['a namespace in front', { dnsNames: ['api.web.svc.cluster.local.evil.com'] }, /evil\.com/],
    ['an address of another', { ipAddresses: ['10.0.0.2'] }, /10\.0\.0\.2/],
    ['a mailbox', { emailAddresses: ['root@example.com'] }, /root@example\.com/],
  ];
  for (const [what, names, says] of attacks) {
    it(`is not ${what}`, async () => {
      assert.match(await newScene().denial(ofDriver(), await csrFor(names)), says);
    });
  }

  it('is not a CA, nor another usage, nor a subject', async () => {
    const csr = await csrFor({ uris: [own] });
    assert.match(await newScene().denial(ofDriver({ isCA: true }), csr), /isCA/);
    assert.match(await newScene().denial(ofDriver({ usages: ['code signing'] }), csr), /code signing/);
    const named = await csrFor({ uris: [own] }, { subject: { organizations: ['system:masters'] } });
    assert.match(await newScene().denial(ofDriver(), named), /system:masters/);
  });

  it('names the policy by which it was denied', async () => {
    const csr = await csrFor({ dnsNames: ['db.web'] });
    assert.match(await newScene().denial(ofDriver(), csr), /certmount-default/);
  });
});
