import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestCa } from '../../unit/controller/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { ControllerProcess } from '../controller/support/controller-process.ts';
import { currentCa, RotationWorld } from './support/rotation-world.ts';

const names = ['Root 0', 'Root 1', 'Root 2', 'Root 3', 'Root 4', 'Root 5'];
const roots = await Promise.all(names.map((name) => currentCa(name)));

function root(index: number): TestCa {
  const found = roots[index];
  assert.ok(found);
  return found;
}

let world: RotationWorld;

before(async () => {
  world = await RotationWorld.start(root(0));
});
after(() => world.stop());

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Issues one certificate after another and has every node verify each of them. */
class Traffic {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  issued = 0;

  constructor() {
    this.#done = this.#run();
    this.#done.catch(() => {}); // told of in stop()
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const issued = await world.issue(75_000);
      await world.checkTrusted(issued);
      this.issued += 1;
      await pause(100);
    }
  }
}

/** Two nodes whose volumes follow what is published, each in its own time. */
async function followers(signal: AbortSignal): Promise<void> {
  const follow = async (node: string, delayMs: number): Promise<void> => {
    let sequence = 0;
    while (!signal.aborted) {
      const set = await world.anchorSet().catch(() => undefined);
      if (set && set.spec.sequence !== sequence) {
        await pause(delayMs);
        await world.apply(node);
        sequence = set.spec.sequence;
      }
      await pause(200);
    }
  };
  await Promise.all([follow('node-1', 100), follow('node-2', 1_500)]);
}

async function untilSigning(ca: TestCa): Promise<void> {
  await eventually(
    'the new CA to sign',
    async () => (await world.signerOf(await world.issue(75_000), roots)) === ca || undefined,
    90_000,
    500,
  ).catch(async (error: Error) => {
    throw new Error(`${error.message}: ${await world.state()}`, { cause: error });
  });
}

describe('a controller that is killed while a CA changes', () => {
  it('leaves every certificate verifiable on every node, whenever that is', async () => {
    await world.startController();
    await world.whenPublished([root(0)]);
    const stop = new AbortController();
    const following = followers(stop.signal);
    await world.issue();
    const traffic = new Traffic();
    const moments: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['as soon as the Secret has changed', () => pause(0)],
      ['when both roots are published', () => world.whenPublished(roots.slice(0, 3))],
      ['about when the new one begins to sign', () => pause(10_000)],
      ['after that', () => world.whenRotation('Draining')],
    ];
    try {
      for (const [index, [name, moment]] of moments.entries()) {
        await world.replaceCa(root(index + 1));
        await moment();
        await world.kill();
        await pause(300);
        await world.startController();
        await untilSigning(root(index + 1));
        await eventually(`${name}: no key to be left`, async () => {
          return (await world.previousSecret()) === undefined || undefined;
        });
      }
    } finally {
      stop.abort();
      await following;
      await traffic.stop();
    }
    assert.ok(traffic.issued > 10, `${traffic.issued} certificates`);
  });
});

describe('two replicas while a CA changes', () => {
  it('go on signing with the old one when the leader is killed, until every node trusts the new one', async () => {
    await world.kill();
    const kubeconfig = await world.world.controllerKubeconfig();
    const replicas = [new ControllerProcess(kubeconfig), new ControllerProcess(kubeconfig)];
    try {
      const leader = await eventually('a leader', () => replicas.find((one) => one.leading), 40_000);
      await world.issue();
      await world.replaceCa(root(5));
      await world.whenPublished(roots);
      await world.whenRotation('Spreading');
      await leader.end('SIGKILL');
      const during = await world.issue(60_000);
      assert.equal(await world.signerOf(during, roots), root(4), 'the other leader has the old key');
      await world.checkTrusted(during);
      for (const node of ['node-1', 'node-2']) await world.apply(node);
      await untilSigning(root(5));
    } finally {
      await Promise.all(replicas.map((replica) => replica.end('SIGKILL')));
    }
  });
});
