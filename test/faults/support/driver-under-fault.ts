// The real driver as a process that kills itself where it is told to and whose clock can be set. FaultyDriver starts it.
import { flushCompileCache } from 'node:module';
import { readFileSync } from 'node:fs';
import { driverFlags } from '../../../src/driver/options.ts';
import { runDriver } from '../../../src/driver/driver.ts';
import { withFaultPoints } from '../../../src/driver/volume/fault-points.ts';
import { CommandMounter, runCommand } from '../../../src/driver/volume/mount/command-mounter.ts';
import { openLibc } from '../../../src/driver/volume/mount/libc.ts';
import { SyscallMounter } from '../../../src/driver/volume/mount/syscall-mounter.ts';
import { fileToken } from '../../../src/kube/connection.ts';
import { createLogger } from '../../../src/runtime/log.ts';
import { parseFlags } from '../../../src/runtime/parse-flags.ts';
import { MovableClock } from './movable-clock.ts';
import type { Command, DriverProcessOptions, Moment, Reached } from './driver-protocol.ts';

const options = JSON.parse(process.argv[2] ?? '') as DriverProcessOptions;
process.umask(0o077);

const clock = new MovableClock();
clock.set(options.clockOffsetMs);

let kill: Moment | undefined = options.kill;
let reached: Reached[] = [];
let run = 0;
let runEnds = false;

function reach(point: string): void {
  if (!runEnds) {
    runEnds = true;
    queueMicrotask(() => {
      run += 1;
      runEnds = false;
    });
  }
  reached.push({ point, run });
  if (kill?.point !== point) return;
  if (kill.nth === 1) process.kill(process.pid, 'SIGKILL');
  kill = { point, nth: kill.nth - 1 };
}

function obey(command: Command): unknown {
  switch (command.type) {
    case 'kill-at':
      kill = command.moment;
      return undefined;
    case 'forget':
      reached = [];
      return undefined;
    case 'report':
      return reached;
    case 'clock':
      clock.set(command.offsetMs);
      clock.wake(command.wakeMs);
      return undefined;
  }
}

// It does not outlive its test.
process.once('disconnect', () => process.exit(1));
process.on('message', ({ id, command }: { id: number; command: Command }) => {
  process.send?.({ id, answer: obey(command) });
});

const log = createLogger({ level: 'debug', format: 'json', program: 'driver' });
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

const syscalls = await openLibc();
await runDriver(
  parseFlags(driverFlags, options.flags, {}).values,
  {
    connection: {
      server: new URL(options.server),
      ca: readFileSync(options.caFile, 'utf8'),
      token: fileToken(options.tokenFile, { clock }),
    },
    mounter:
      syscalls === undefined
        ? new CommandMounter({}, { run: runCommand })
        : new SyscallMounter({}, { syscalls }),
    clock,
    random: Math.random,
    log: {
      ...log,
      info: (fields, message) => {
        log.info(fields, message);
        if (message !== 'serving') return;
        process.send?.({ serving: fields['address'] });
        // A killed process would not write it, and each of many starts would compile anew.
        flushCompileCache();
      },
    },
    version: '0.0.0-test',
    interpose: (effects) => withFaultPoints(effects, reach),
  },
  stop.signal,
);
process.exit(0);
