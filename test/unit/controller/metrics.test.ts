import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ControllerMetrics } from '../../../src/controller/metrics.ts';
import { Metrics } from '../../../src/runtime/metrics.ts';

describe('what the controller counts', () => {
  it('is there from the start, and at each scrape', async () => {
    const metrics = new Metrics();
    const counted = new ControllerMetrics(metrics, () => ({
      leading: true,
      queueDepth: { certificaterequests: 3, issuers: 0 },
      openRequests: 7,
    }));
    counted.synced('certificaterequests');
    counted.failed('issuers');
    counted.issued(12, 900);
    counted.finished('denied');
    counted.conflict();
    const text = await metrics.text();
    for (const line of [
      'certmount_controller_sync_total{controller="certificaterequests"} 1',
      'certmount_controller_sync_total{controller="issuers"} 0',
      'certmount_controller_sync_errors_total{controller="issuers"} 1',
      'certmount_controller_requests_total{outcome="issued"} 1',
      'certmount_controller_requests_total{outcome="failed"} 0',
      'certmount_controller_requests_total{outcome="denied"} 1',
      'certmount_controller_request_conflicts_total 1',
      'certmount_controller_request_handling_seconds_bucket{le="0.025"} 1',
      'certmount_controller_request_issuance_seconds_count 1',
      'certmount_controller_leader 1',
      'certmount_controller_queue_depth{controller="certificaterequests"} 3',
      'certmount_controller_open_requests 7',
    ]) {
      assert.ok(text.includes(`\n${line}\n`), `${line} is missing in\n${text}`);
    }
  });
});
