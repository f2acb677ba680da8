import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { runSoak, type SoakReport } from './run-soak.ts';

const minutes = 3;
const notRoot = process.getuid?.() === 0 ? false : 'mounting needs root';

describe(`110 volumes of a minute for ${minutes} minutes`, { skip: notRoot, timeout: 600_000 }, () => {
  let report: SoakReport;
  before(async () => {
    const started = Date.now();
    ({ report } = await runSoak({ minutes, volumes: 110, seed: 1 }, (line) => {
      process.stderr.write(`soak: ${((Date.now() - started) / 1000).toFixed(0)} s: ${line}\n`);
    }));
  });

  it('saw pods come and go, renewals, and restarts of the driver and the API server', (test) => {
    test.diagnostic(JSON.stringify(report));
    const { counts } = report;
    assert.ok(counts.driverRestarts >= 1 && counts.apiRestarts >= 1);
    assert.ok(counts.unpublished > 40, `${counts.unpublished} volumes went`);
    assert.ok(counts.certificates > 4 * 110, `${counts.certificates} certificates`);
    assert.ok(counts.samples > minutes * 20, `${counts.samples} samples`);
  });

  it('never had an expired or torn volume, and kept and left nothing that it should not', () => {
    assert.deepEqual(report.problems, []);
    assert.ok(report.leastRemainingSeconds > 0);
  });

  it('wrote no key and no token', () => {
    assert.deepEqual(report.secrets, []);
  });
});
