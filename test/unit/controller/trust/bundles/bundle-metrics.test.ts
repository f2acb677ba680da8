import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BundleMetrics } from '../../../../../src/controller/trust/bundles/bundle-metrics.ts';
import { Metrics } from '../../../../../src/runtime/metrics.ts';

describe('the metrics of Bundles', () => {
  it('have all their series from the start, and figures only while there is a term', async () => {
    const registry = new Metrics();
    const metrics = new BundleMetrics(registry);
    assert.match(await registry.text(), /bundle_target_writes_total\{operation="failed"\} 0/);
    assert.match(await registry.text(), /bundles\{state="synced"\} 0/);
    metrics.show(() => ({
      bundles: { synced: 3, failed: 1 },
      leftOut: { duplicate: 4, expired: 2, 'not-ca': 0, unreadable: 0 },
    }));
    metrics.wrote('created');
    const text = await registry.text();
    assert.match(text, /bundles\{state="synced"\} 3/);
    assert.match(text, /left_out\{reason="expired"\} 2/);
    assert.match(text, /operation="created"\} 1/);
    metrics.show(undefined);
    assert.match(await registry.text(), /bundles\{state="synced"\} 0/);
  });
});
