import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Metrics } from '../../../src/runtime/metrics.ts';
import { addProcessMetrics } from '../../../src/runtime/process-metrics.ts';

/** The samples of a scrape, without comments. */
async function samples(metrics: Metrics): Promise<string[]> {
  const text = await metrics.text();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('metrics', () => {
  it('have help and type in the scraped text', async () => {
    const metrics = new Metrics();
    metrics.counter({ name: 'certmount_x_total', help: 'X.' }).inc();
    assert.match(await metrics.text(), /# HELP certmount_x_total X\.\n# TYPE certmount_x_total counter\n/);
    assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
  });

  it('count from 0 for every value that a label can have', async () => {
    const metrics = new Metrics();
    const counter = metrics.counter({
      name: 'c_total',
      help: 'C.',
      labels: { result: ['ok', 'failed'], kind: ['a'] },
    });
    counter.inc({ result: 'ok', kind: 'a' });
    counter.add(2, { result: 'ok', kind: 'a' });
    assert.deepEqual(await samples(metrics), [
      'c_total{result="ok",kind="a"} 3',
      'c_total{result="failed",kind="a"} 0',
    ]);
  });

  it('keep the series of an open label within its limit', async () => {
    const metrics = new Metrics();
    const counter = metrics.counter({ name: 'c_total', help: 'C.', labels: { issuer: { atMost: 2 } } });
    for (const issuer of ['a', 'b', 'c', 'd', 'a']) counter.inc({ issuer });
    assert.deepEqual(await samples(metrics), [
      'c_total{issuer="a"} 2',
      'c_total{issuer="b"} 1',
      'c_total{issuer="other"} 2',
    ]);
  });

  it('set, move and forget gauges', async () => {
    const metrics = new Metrics();
    const gauge = metrics.gauge({ name: 'g', help: 'G.', labels: { queue: ['a', 'b'] } });
    gauge.set(5, { queue: 'a' });
    gauge.add(-2, { queue: 'a' });
    gauge.set(1, { queue: 'b' });
    gauge.remove({ queue: 'b' });
    assert.deepEqual(await samples(metrics), ['g{queue="a"} 3']);
  });

  it('sort observations into buckets', async () => {
    const metrics = new Metrics();
    metrics.histogram({ name: 'h_seconds', help: 'H.', buckets: [0.1, 1] }).observe(0.5);
    assert.deepEqual(await samples(metrics), [
      'h_seconds_bucket{le="0.1"} 0',
      'h_seconds_bucket{le="1"} 1',
      'h_seconds_bucket{le="+Inf"} 1',
      'h_seconds_sum 0.5',
      'h_seconds_count 1',
    ]);
  });

  it('are computed at each scrape, and forget what is gone', async () => {
    const metrics = new Metrics();
    let volumes = ['a', 'b'];
    metrics.computed({ name: 'v', help: 'V.', type: 'gauge', labels: { volume: { atMost: 1 } } }, () =>
      volumes.map((volume) => ({ labels: { volume }, value: 1 })),
    );
    volumes = ['c', 'd', 'e'];
    assert.deepEqual(await samples(metrics), ['v{volume="c"} 1', 'v{volume="other"} 2']);
    volumes = ['f'];
    assert.deepEqual(await samples(metrics), ['v{volume="f"} 1']);
  });

  it('of one program are not those of another in the same process', async () => {
    const metrics = new Metrics();
    metrics.counter({ name: 'c_total', help: 'C.' }).inc();
    assert.deepEqual(await samples(new Metrics()), []);
  });

  it('escape what a label holds', async () => {
    const metrics = new Metrics();
    metrics.gauge({ name: 'g', help: 'G.', labels: { name: { atMost: 5 } } }).set(1, { name: 'a"b\nc\\d' });
    assert.deepEqual(await samples(metrics), ['g{name="a\\"b\\nc\\\\d"} 1']);
  });
});

describe('metrics of the process', () => {
  it('are those that dashboards know', async () => {
    const metrics = new Metrics();
    const process = {
      residentBytes: () => 70_000_000,
      heapUsedBytes: () => 20_000_000,
      cpuSeconds: () => 1.5,
      openFileDescriptors: () => undefined,
      startedAt: 1_700_000_000,
      nodeVersion: 'v26.10.0',
    };
    addProcessMetrics(metrics, { version: '0.1.0', program: 'driver' }, { process });
    assert.deepEqual(await samples(metrics), [
      'process_resident_memory_bytes 70000000',
      'nodejs_heap_size_used_bytes 20000000',
      'process_cpu_seconds_total 1.5',
      'process_start_time_seconds 1700000000',
      'certmount_build_info{program="driver",version="0.1.0",node_version="v26.10.0"} 1',
    ]);
    assert.ok((await samples(metrics)).includes('process_cpu_seconds_total 1.5'), 'not added up by scrapes');
  });

  it('are true of this process', async () => {
    const metrics = new Metrics();
    addProcessMetrics(metrics, { version: '0.1.0', program: 'driver' });
    const values = new Map(
      (await samples(metrics)).map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]),
    );
    assert.ok((values.get('process_resident_memory_bytes') ?? 0) > 20e6);
    assert.ok((values.get('process_open_fds') ?? 0) > 2);
    assert.ok(Math.abs((values.get('process_start_time_seconds') ?? 0) - Date.now() / 1000) < 600);
  });
});
