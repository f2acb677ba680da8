import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TrustMetrics } from '../../../../src/controller/trust/metrics.ts';
import { Metrics } from '../../../../src/runtime/metrics.ts';

describe('metrics of trust', () => {
  it('have a series for each of the first sets and one for the others', async () => {
    const metrics = new Metrics();
    const sets = Array.from({ length: 103 }, (_, index) => ({ name: `set-${index}`, nodes: 5, covered: 3 }));
    new TrustMetrics(metrics, () => ({
      sets: () => sets,
      rotations: () => ['steady', 'steady', 'spreading', 'no-room'],
    }));
    const lines = (await metrics.text()).split('\n');
    assert.ok(lines.includes('certmount_trust_nodes{set="set-0"} 5'));
    assert.ok(lines.includes('certmount_trust_covered_nodes{set="set-99"} 3'));
    assert.ok(lines.includes('certmount_trust_covered_nodes{set="other"} 9'));
    assert.equal(lines.filter((line) => line.startsWith('certmount_trust_nodes{')).length, 101);
    const counts = { steady: 2, spreading: 1, waiting: 0, draining: 0, 'no-room': 1 };
    for (const [phase, count] of Object.entries(counts)) {
      assert.ok(lines.includes(`certmount_trust_rotations{phase="${phase}"} ${count}`), phase);
    }
  });
});
