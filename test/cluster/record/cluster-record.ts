import { randomUUID } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning, type ProcessIdentity } from '../process/process-table.ts';

/** What a cluster holds of this machine: enough to take it down without the process that started it. */
export interface ClusterState {
  /** Tells it from a later cluster of the same name. */
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  /** The cluster goes when this process is gone. Absent: it stays until somebody takes it down. */
  readonly owner?: ProcessIdentity;
  readonly ready: boolean;
  readonly server?: string;
  readonly adminKubeconfig?: string;
  readonly kubectl?: string;
  readonly processes: Readonly<Record<string, ProcessIdentity>>;
  /** Control group directories, in every hierarchy. */
  readonly cgroups: readonly string[];
  readonly nodes: readonly NodeState[];
}

export interface NodeState {
  readonly name: string;
  readonly address: string;
  /** Pods' addresses. */
  readonly podRange: string;
  /** The first process of the node's namespaces, as this machine sees it. */
  readonly init: ProcessIdentity;
}

/** The state file in a cluster's directory, written by rename whenever something is added. */
export class ClusterRecord {
  readonly dir: string;
  #state: ClusterState;

  private constructor(dir: string, state: ClusterState) {
    this.dir = dir;
    this.#state = state;
  }

  /** Makes the directory, complete with its record, in one rename: a sweep never sees half a cluster. */
  static create(name: string, owner: ProcessIdentity | undefined, root: string): ClusterRecord {
    mkdirSync(root, { recursive: true, mode: 0o711 });
    const state: ClusterState = {
      id: randomUUID(),
      name,
      createdAt: new Date().toISOString(),
      ...(owner && { owner }),
      ready: false,
      processes: {},
      cgroups: [],
      nodes: [],
    };
    const temporary = mkdtempSync(join(root, unfinishedPrefix));
    write(temporary, state);
    const dir = join(root, name);
    try {
      renameSync(temporary, dir);
    } catch (cause) {
      rmSync(temporary, { recursive: true });
      throw new Error(`a cluster named ${name} exists already in ${root}`, { cause });
    }
    return new ClusterRecord(dir, state);
  }

  static open(dir: string): ClusterRecord {
    return new ClusterRecord(dir, readState(dir));
  }

  get state(): ClusterState {
    return this.#state;
  }

  update(change: Partial<ClusterState>): void {
    this.#state = { ...this.#state, ...change };
    write(this.dir, this.#state);
  }

  addProcess(name: string, process: ProcessIdentity): void {
    this.update({ processes: { ...this.#state.processes, [name]: process } });
  }

  /** The node and its processes are gone. */
  removeNode(name: string): void {
    const processes = Object.entries(this.#state.processes).filter(
      ([process]) => !process.startsWith(`${name}/`),
    );
    this.update({
      nodes: this.#state.nodes.filter((node) => node.name !== name),
      processes: Object.fromEntries(processes),
    });
  }

  /** From now on it belongs to nobody, and stays. */
  disown(): void {
    const { owner: _, ...state } = this.#state;
    this.#state = state;
    write(this.dir, state);
  }

  /** Whether the directory is still this cluster's: not removed, and not taken by another one since. */
  get present(): boolean {
    try {
      return readState(this.dir).id === this.#state.id;
    } catch {
      return false;
    }
  }

  /** Nobody owns it, or its owner lives. */
  get wanted(): boolean {
    return this.#state.owner === undefined || isRunning(this.#state.owner);
  }
}

/** Directories that are being made, or were when their maker died. */
export const unfinishedPrefix = '.new-';

/** One root for every clone and run of a user, so that each finds what another left behind. */
export function defaultRoot(): string {
  const uid = process.getuid?.() ?? 0;
  return join(tmpdir(), uid === 0 ? 'certmount-clusters' : `certmount-clusters-${uid}`);
}

export function listClusters(root: string): ClusterRecord[] {
  const records: ClusterRecord[] = [];
  for (const name of namesIn(root)) {
    if (name.startsWith(unfinishedPrefix)) continue;
    try {
      records.push(ClusterRecord.open(join(root, name)));
    } catch {
      // Removed between the two calls, or not ours.
    }
  }
  return records;
}

export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readState(dir: string): ClusterState {
  return JSON.parse(readFileSync(stateFile(dir), 'utf8')) as ClusterState;
}

function write(dir: string, state: ClusterState): void {
  const temporary = `${stateFile(dir)}.new`;
  writeFileSync(temporary, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, stateFile(dir));
}

function stateFile(dir: string): string {
  return join(dir, 'cluster.json');
}
