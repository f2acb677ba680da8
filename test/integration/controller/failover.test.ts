import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { leases } from '../../../src/kube/index.ts';
import { newCa } from '../../unit/controller/builders.ts';
import { ControllerProcess } from './support/controller-process.ts';
import { eventually } from '../../support/eventually.ts';
import { World } from './support/world.ts';

const day = 24 * 60 * 60 * 1000;
const root = await newCa({
  notBefore: new Date(Date.now() - day),
  notAfter: new Date(Date.now() + 365 * day),
});

let world: World;
let kubeconfig: string;
let replicas: ControllerProcess[] = [];

before(async () => {
  world = await World.startWithCa(root);
  kubeconfig = await world.controllerKubeconfig();
  replicas = [newReplica(), newReplica()];
  await eventually('both replicas to be ready', async () => {
    const ready = await Promise.all(replicas.map((replica) => replica.ready()));
    return ready.every(Boolean) || undefined;
  });
});
after(async () => {
  await Promise.all(replicas.map((replica) => replica.end('SIGKILL')));
  await world.stop();
});

function newReplica(): ControllerProcess {
  return new ControllerProcess(kubeconfig, ['--workers', '8']);
}

function leader(): ControllerProcess {
  const leading = replicas.filter((replica) => replica.leading);
  assert.equal(leading.length, 1);
  const [only] = leading;
  assert.ok(only);
  return only;
}

/** Ends the leader and brings up another replica in its place. */
async function replace(signal: NodeJS.Signals): Promise<void> {
  const gone = leader();
  await gone.end(signal);
  replicas = [...replicas.filter((replica) => replica !== gone), newReplica()];
}

describe('two replicas', () => {
  it('are both ready, and one of them signs', async () => {
    await world.whenReady(await world.request());
    leader();
  });

  it('hand over without waiting for the lease to run out when the leader is told to end', async () => {
    const key = { namespace: 'certmount', name: 'certmount-controller' };
    const before = await world.client.resource(leases).get(key);
    await replace('SIGTERM');
    const { holderIdentity = '' } = (await world.client.resource(leases).get(key)).spec ?? {};
    assert.notEqual(holderIdentity, before.spec?.holderIdentity);
    await world.whenReady(await world.request());
  });

  it('hand over when the lease runs out after the leader was killed in the middle of its work', async () => {
    const keys = await Promise.all(Array.from({ length: 40 }, () => world.request()));
    await replace('SIGKILL');
    await Promise.all(keys.map((key) => world.whenReady(key, 'Issued', 40_000)));
    await world.whenReady(await world.request());
    leader();
  });
});
