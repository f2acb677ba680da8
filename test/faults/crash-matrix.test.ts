import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { faultPoints } from '../../src/driver/volume/fault-points.ts';
import { notRoot } from '../integration/driver/support/driver-world.ts';
import type { Moment, Reached } from './support/driver-protocol.ts';
import { FaultCluster } from './support/fault-cluster.ts';
import type { FaultNode } from './support/fault-node.ts';
import { scenarios, type Scenario } from './support/scenarios.ts';
import { secrets } from './support/volume-set.ts';

/** Nodes at once: the processors are what there is too little of. */
const lanes = 2;
const killed = new Set<string>();

describe('a driver that is killed', { skip: notRoot, timeout: 400_000 }, () => {
  let cluster: FaultCluster;
  let idle: FaultNode[];

  before(async () => {
    cluster = await FaultCluster.start();
    idle = await Promise.all(Array.from({ length: lanes }, newNode));
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  async function newNode(): Promise<FaultNode> {
    const node = await cluster.addNode();
    await node.start();
    return node;
  }

  /** A node that a failed test has left in disorder is not used again. */
  async function onNode<T>(work: (node: FaultNode) => Promise<T>): Promise<T> {
    const node = idle.pop() ?? (await newNode());
    const result = await work(node);
    await node.resetClock();
    idle.push(node);
    return result;
  }

  for (const scenario of scenarios) {
    it(`in ${scenario.name}`, { concurrency: lanes }, async (t) => {
      const moments = await onNode((node) => momentsOf(scenario, node));
      assert.ok(moments.length > 0, 'nothing was reached');
      await Promise.all(
        moments.map((moment) =>
          t.test(`${moment.point}, time ${moment.nth}`, async () => {
            await onNode((node) => killThere(scenario, moment, node));
            for (const point of [moment.point, ...moment.same]) killed.add(point);
          }),
        ),
      );
    });
  }

  it('at every fault point there is', () => {
    assert.deepEqual(
      faultPoints.filter((point) => !killed.has(point)),
      [],
    );
  });

  it('leaves no volume, no record and no request behind', () => {
    for (const node of idle) assert.deepEqual(node.remains(), []);
  });

  it('has told nobody a key or a token', () => {
    assert.doesNotMatch(cluster.everythingTold(), secrets);
    for (const node of idle) assert.doesNotMatch(node.log.join('\n'), secrets);
  });
});

interface KillMoment extends Moment {
  /** Points at which the world is as it is here: before a step is after the one that it follows without a wait. */
  readonly same: readonly string[];
}

/** Runs the operation to its end, and tells where it could have been killed. */
async function momentsOf(scenario: Scenario, node: FaultNode): Promise<KillMoment[]> {
  const subject = await scenario.prepare(node);
  if (scenario.act === undefined) {
    await node.start();
  } else {
    await node.driver.forgetReached();
    await scenario.act(node, subject);
  }
  const reached = await settled(node);
  await scenario.afterwards(node, subject);
  const meant = reached.filter(
    ({ point }) => point.startsWith('nodeTrusts.') === (scenario.of !== undefined),
  );
  const moments = distinct(meant);
  // How often a report is written depends on what comes together in one.
  if (scenario.of !== undefined) return moments.filter(({ nth }) => nth === 1);
  return scenario.everyTime ? moments : moments.filter((moment) => isFirstOrLast(moment, moments));
}

/** The second of five files that are written alike shows what the first and the last show. */
function isFirstOrLast({ nth, point }: KillMoment, moments: readonly KillMoment[]): boolean {
  return nth === 1 || nth === moments.findLast((moment) => moment.point === point)?.nth;
}

/** What comes after an answer, such as that to the last deletion, is on its way. */
async function settled(node: FaultNode): Promise<readonly Reached[]> {
  for (let before = await node.driver.reached(); ;) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    const now = await node.driver.reached();
    if (now.length === before.length) return now;
    before = now;
  }
}

function distinct(reached: readonly Reached[]): KillMoment[] {
  const counts = new Map<string, number>();
  return reached.flatMap(({ point, run }, index) => {
    const nth = (counts.get(point) ?? 0) + 1;
    counts.set(point, nth);
    const [previous, next] = [reached[index - 1], reached[index + 1]];
    if (point.endsWith('.after') && next?.run === run && next.point.endsWith('.before')) return [];
    const follows = point.endsWith('.before') && previous?.run === run && previous.point.endsWith('.after');
    return [{ point, nth, same: follows ? [previous.point] : [] }];
  });
}

async function killThere(scenario: Scenario, moment: Moment, node: FaultNode): Promise<void> {
  const subject = await scenario.prepare(node);
  if (scenario.act === undefined) {
    await node.start({ kill: moment });
  } else {
    await node.driver.killAt(moment);
    await scenario.act(node, subject).catch(() => {});
  }
  await node.endedItself();
  node.assertNoKeyOnDisk();
  scenario.whileDead(node, subject);
  await node.start();
  await scenario.afterwards(node, subject);
}
