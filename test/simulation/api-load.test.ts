import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Fleet, type FleetOptions, total } from './fleet.ts';

// What docs/api-load.md states, with the real code of the driver: a sample of the fleet, scaled up.
const fleetNodes = 5_000;
const volumesPerNode = 30;
const sampleNodes = 20;
const scale = fleetNodes / sampleNodes;

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const sample: Omit<FleetOptions, 'duration'> = {
  nodes: sampleNodes,
  volumesPerNode,
  keepIssuedRequests: true,
  seed: 1,
};

/** Two thirds of the lifetime, brought forward by a twentieth of it on average. */
function renewalPeriod(lifetimeMs: number): number {
  return lifetimeMs * (2 / 3 - 1 / 20);
}

function renewalsPerSecond(lifetimeMs: number): number {
  return (fleetNodes * volumesPerNode) / (renewalPeriod(lifetimeMs) / second);
}

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(
    Math.abs(actual - expected) <= expected * tolerance,
    `${what}: ${actual.toFixed(2)}, on paper ${expected.toFixed(2)}`,
  );
}

function tell(test: TestContext, what: string, figures: Record<string, number>): void {
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(1)}`);
  test.diagnostic(`${fleetNodes} nodes × ${volumesPerNode} volumes, ${what}: ${shown.join(', ')}`);
}

describe('the load on the API server', { timeout: 300_000 }, () => {
  for (const { duration, lifetime, measureFor, step } of [
    { duration: '24h', lifetime: day, measureFor: 30 * hour, step: 10 * minute },
    { duration: '1h', lifetime: hour, measureFor: 75 * minute, step: 30 * second },
  ]) {
    it(`with lifetimes of ${duration} is what docs/api-load.md says, without peaks`, async (test) => {
      using fleet = await Fleet.create({ ...sample, duration });
      await fleet.publishOver(renewalPeriod(lifetime));
      const steps = await fleet.pass(measureFor, step);
      const seconds = measureFor / second;
      const all = total(steps);
      const expected = renewalsPerSecond(lifetime);
      const busiest = Math.max(...steps.map(({ creates }) => creates)) / (step / second);
      tell(test, `${duration}, steady, per second`, {
        creates: (all.creates * scale) / seconds,
        statusWrites: (all.statusWrites * scale) / seconds,
        deletes: (all.deletes * scale) / seconds,
        lists: (all.lists * scale) / seconds,
        watches: (all.watches * scale) / seconds,
        busiest: busiest * scale,
        stored: fleet.stored * scale,
      });
      near((all.creates * scale) / seconds, expected, 0.1, 'creates a second');
      near((all.deletes * scale) / seconds, expected, 0.1, 'deletes a second');
      near((all.watches * scale) / seconds, fleetNodes / 450, 0.15, 'watches a second');
      assert.equal(all.lists, 0, 'no list while watches hold');
      assert.ok(
        fleet.stored >= sampleNodes * volumesPerNode && fleet.stored <= 1.1 * sampleNodes * volumesPerNode,
      );
      assert.equal(fleet.expired, 0);
      // Counts of a sample vary by their square root; a fleet in step would have all its renewals in one window.
      const perWindow = (expected / scale) * (step / second);
      assert.ok(
        busiest * (step / second) <= 2.5 * perWindow + 4 * Math.sqrt(perWindow),
        `a window with ${busiest * (step / second)} creates, ${perWindow.toFixed(1)} on average`,
      );
    });
  }

  it('of a rolling upgrade is one list and one watch a node, and no certificate', async (test) => {
    using fleet = await Fleet.create({ ...sample, duration: '24h' });
    await fleet.publishOver(hour);
    const before = fleet.calls();
    await fleet.restartDrivers();
    const [step] = await fleet.pass(second, second);
    assert.ok(step);
    const after = fleet.calls();
    tell(test, 'rolling upgrade, in all', {
      creates: (after.creates - before.creates) * scale,
      deletes: (after.deletes - before.deletes) * scale,
      lists: (after.lists - before.lists) * scale,
      watches: (after.watches - before.watches) * scale,
    });
    assert.equal(after.creates, before.creates);
    assert.equal(after.deletes, before.deletes);
    assert.equal(after.lists - before.lists, sampleNodes);
    assert.equal(after.watches - before.watches, sampleNodes);
  });

  for (const { duration, outage } of [
    { duration: '24h', outage: hour },
    { duration: '1h', outage: 15 * minute },
  ]) {
    it(`after an outage of ${outage / minute} minutes with lifetimes of ${duration} comes back spread out`, async (test) => {
      using fleet = await Fleet.create({ ...sample, duration });
      const lifetime = duration === '1h' ? hour : day;
      await fleet.publishOver(renewalPeriod(lifetime));
      await fleet.pass(lifetime / 6, lifetime / 48);
      fleet.goDown();
      await fleet.pass(outage, 30 * second);
      const missed = renewalsPerSecond(lifetime) * (outage / second);
      fleet.comeBack();
      const steps = await fleet.pass(10 * minute, second);
      const creates = steps.map((step) => step.creates * scale);
      tell(test, `${duration}, outage of ${outage / minute} min`, {
        'renewals due meanwhile': missed,
        'creates in 10 min': creates.reduce((sum, count) => sum + count, 0),
        'most creates in a second': Math.max(...creates),
        'most in ten seconds, a second': Math.max(...windows(creates, 10)) / 10,
        'most lists in a second': Math.max(...steps.map(({ lists }) => lists)) * scale,
        'most watches in a second': Math.max(...steps.map(({ watches }) => watches)) * scale,
      });
      assert.equal(fleet.expired, 0);
      const all = creates.reduce((sum, count) => sum + count, 0);
      const due = missed + renewalsPerSecond(lifetime) * 600;
      // Four times the deviation of chance: few of the sample are due.
      near(all, due, 4 / Math.sqrt(due / scale), 'creates in the ten minutes after');
      assert.ok(Math.max(...windows(creates, 10)) < all / 3, 'not in step');
    });
  }

  it('with --keep-issued-requests=false stores nothing at rest', async (test) => {
    using fleet = await Fleet.create({ ...sample, nodes: 5, keepIssuedRequests: false, duration: '24h' });
    await fleet.publishOver(hour);
    await fleet.pass(minute, second);
    tell(test, 'issued requests not kept', { stored: fleet.stored });
    assert.equal(fleet.stored, 0);
    await fleet.restartDrivers();
    await fleet.pass(30 * hour, hour / 4);
    assert.equal(fleet.expired, 0);
    assert.equal(fleet.stored, 0);
  });
});

function windows(counts: readonly number[], length: number): number[] {
  return counts.map((_, from) => counts.slice(from, from + length).reduce((sum, count) => sum + count, 0));
}
