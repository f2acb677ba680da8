import { readFileSync, readdirSync } from 'node:fs';

/** A process that a reused pid cannot be mistaken for. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and the process's start: field 22 of /proc/PID/stat. */
  readonly startTime: string;
}

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly startTime: string;
}

export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat && { pid, startTime: stat.startTime };
}

/** A zombie counts as ended: it holds no file, mount or port, and only its parent can remove it. */
export function isRunning(process: ProcessIdentity): boolean {
  const stat = readStat(process.pid);
  return (
    stat !== undefined && stat.startTime === process.startTime && stat.state !== 'Z' && stat.state !== 'X'
  );
}

export function childrenOf(parent: number): number[] {
  return allPids().filter((pid) => readStat(pid)?.parent === parent);
}

export function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Sends the signal to exactly this process; false when it has ended already. */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(target)) return false;
  try {
    process.kill(target.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/**
 * Kills the processes and waits, blocking, until they are gone: also usable in an `exit` handler.
 *
 * @returns those that still run after the timeout
 */
export function killAndWait(processes: readonly ProcessIdentity[], timeoutMs = 10_000): ProcessIdentity[] {
  for (const process of processes) signalProcess(process, 'SIGKILL');
  const deadline = Date.now() + timeoutMs;
  let left = processes.filter(isRunning);
  while (left.length > 0 && Date.now() < deadline) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    left = left.filter(isRunning);
  }
  return left;
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? 'X', parent: Number(fields[1]), startTime: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}
