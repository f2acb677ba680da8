import { monitorEventLoopDelay } from 'node:perf_hooks';
import { generateKey } from '../../../src/pki/index.ts';
import type { Bench, BenchContext } from '../bench-context.ts';
import { type Distribution, distributionOf } from '../report/distribution.ts';
import type { Report } from '../report/report.ts';

/** Between two looks at the loop; taken off what is measured. */
const timerMs = 1;

export const keygenBench: Bench = {
  name: 'keygen',
  summary: "The event loop's longest block while RSA-4096 keys are made at once. Needs no cluster.",
  options: { runs: 'keys, 10 by default' },
  run,
};

async function run({ log, options }: BenchContext): Promise<Report> {
  const { runs = 10 } = options;
  await generateKey({ algorithm: 'RSA', size: 2048 });
  log(`${runs} RSA-4096 keys at once`);
  const delay = monitorEventLoopDelay({ resolution: timerMs });
  const turns = new LoopTurns();
  const started = performance.now();
  delay.enable();
  turns.start();
  const times = await Promise.all(
    Array.from({ length: runs }, async () => {
      await generateKey({ algorithm: 'RSA', size: 4096 });
      return performance.now() - started;
    }),
  );
  const totalMs = performance.now() - started;
  const { blocks, busiest } = turns.stop();
  delay.disable();
  const monitored = delay.max / 1e6 - timerMs;
  return {
    bench: 'keygen',
    title: `lateness of the event loop while ${runs} RSA-4096 keys are made`,
    rows: [
      { what: 'how late the event loop is', unit: 'ms', distribution: blocks },
      { what: 'a key, from the common start on', unit: 'ms', distribution: distributionOf(times) },
    ],
    figures: {
      max_block_ms: Math.max(blocks.max, monitored),
      max_block_cpu_ms: busiest,
      keys: runs,
      total_ms: totalMs,
    },
    notes: [
      'max_block_cpu_ms: the most that the loop itself worked in one turn; the rest of a block it waited for a processor',
    ],
  };
}

/**
 * How late the event loop comes to a timer of a millisecond. In between it sleeps, as a driver's does: a loop that turned all
 * the time would take the processor from the threads that make the keys, and wait for it in turn.
 */
class LoopTurns {
  readonly #gaps: number[] = [];
  #busiestMs = 0;
  #last = 0;
  #cpuMs = 0;
  #next: NodeJS.Timeout | undefined;

  start(): void {
    this.#last = performance.now();
    this.#cpuMs = threadCpuMs();
    this.#arm();
  }

  /** `busiest` is the most that the loop's own thread has worked between two turns. All in milliseconds. */
  stop(): { readonly blocks: Distribution; readonly busiest: number } {
    clearTimeout(this.#next);
    return { blocks: distributionOf(this.#gaps), busiest: this.#busiestMs };
  }

  #arm(): void {
    this.#next = setTimeout(() => {
      setImmediate(() => this.#turn());
    }, timerMs);
  }

  #turn(): void {
    const [now, cpuMs] = [performance.now(), threadCpuMs()];
    this.#gaps.push(Math.max(0, now - this.#last - timerMs));
    this.#busiestMs = Math.max(this.#busiestMs, cpuMs - this.#cpuMs);
    this.#last = now;
    this.#cpuMs = cpuMs;
    this.#arm();
  }
}

function threadCpuMs(): number {
  const { system, user } = process.threadCpuUsage();
  return (system + user) / 1000;
}
