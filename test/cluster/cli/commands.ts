import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { startControlPlane } from '../control-plane.ts';
import { startNode } from '../node.ts';
import { isRunning } from '../process/process-table.ts';
import { type ClusterRecord, listClusters } from '../record/cluster-record.ts';
import { removeCluster, sweep } from '../record/remove-cluster.ts';
import { type Command, defaultName, UsageError } from './arguments.ts';

export interface CommandContext {
  readonly root: string;
  /** Results, on standard output. */
  readonly print: (line: string) => void;
  /** Progress, on standard error. */
  readonly log: (line: string) => void;
}

type Args<C extends Command['command']> = Extract<Command, { command: C }>;

export async function up(args: Args<'up'>, context: CommandContext): Promise<void> {
  const { root, log } = context;
  const existing = listClusters(root).find((record) => record.state.name === args.name);
  if (existing?.state.owner && existing.wanted) {
    throw new UsageError(`${args.name} is being started or used by process ${existing.state.owner.pid}`);
  }
  if (existing && isWhole(existing)) {
    const { nodes } = existing.state;
    if (nodes.length < args.nodes) {
      throw new UsageError(
        `${args.name} runs with ${nodes.length} node(s), not ${args.nodes}; take it down first: npm run cluster -- down --name ${args.name}`,
      );
    }
    log(`${args.name} runs already`);
    printEnv(existing, context);
    return;
  }
  if (existing) {
    log(`${args.name} has stopped; starting it anew`);
    removeCluster(existing);
  }
  const { name, featureGates, runtimeConfig, nodes } = args;
  log(`starting ${name}: etcd, kube-apiserver, kube-controller-manager, kube-scheduler …`);
  const controlPlane = await startControlPlane({
    name,
    root,
    log,
    featureGates,
    scheduler: true,
    nodes: nodes > 0,
    detached: 'later',
    ...(runtimeConfig !== undefined && { runtimeConfig }),
  });
  try {
    for (let i = 0; i < nodes; i++) await startNode(controlPlane, { log });
    controlPlane.detach();
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
  log('take it down with: npm run cluster -- down' + (name === defaultName ? '' : ` --name ${name}`));
  printEnv(controlPlane.record, context);
}

/** @returns whether everything that was started still runs */
export function status(args: Args<'status'>, { root, print, log }: CommandContext): boolean {
  const records = listClusters(root).filter(({ state }) =>
    args.name === undefined ? args.all || !state.owner : state.name === args.name,
  );
  if (records.length === 0) log('no cluster runs; start one with: npm run cluster -- up');
  for (const record of records) for (const line of describe(record)) print(line);
  return records.length > 0 && records.every(isWhole);
}

export function down(args: Args<'down'>, context: CommandContext): void {
  const { root, log } = context;
  for (const line of sweep(root)) log(line);
  const records = listClusters(root);
  const kept = args.all ? records.filter((record) => record.state.owner) : [];
  for (const { state } of kept) log(`left ${state.name} alone: process ${state.owner?.pid} uses it`);
  const chosen = args.all
    ? records.filter((record) => !record.state.owner)
    : chooseForDown(records, args.name);
  for (const record of chosen) {
    removeCluster(record);
    log(`took down ${record.state.name}`);
  }
  if (chosen.length === 0) log('nothing to take down');
}

export function env(args: Args<'env'>, context: CommandContext): void {
  printEnv(choose(listClusters(context.root), args.name), context);
}

/** @returns kubectl's exit code */
export async function kubectl(args: Args<'kubectl'>, { root }: CommandContext): Promise<number> {
  const { state } = choose(listClusters(root), args.name);
  if (!state.ready) throw new UsageError(`${state.name} is not ready yet`);
  const child = spawn(state.kubectl ?? 'kubectl', args.args, {
    stdio: 'inherit',
    env: { ...process.env, KUBECONFIG: state.adminKubeconfig },
  });
  // The terminal sends Ctrl-C to both; it is kubectl's to answer.
  const ignore = (): void => {};
  process.on('SIGINT', ignore);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('exit', (code, signal) => {
        resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
      });
      child.once('error', reject);
    });
  } finally {
    process.off('SIGINT', ignore);
  }
}

function printEnv({ state }: ClusterRecord, { print }: CommandContext): void {
  print(`export KUBECONFIG=${state.adminKubeconfig ?? ''}`);
}

function isWhole({ state }: ClusterRecord): boolean {
  return state.ready && Object.values(state.processes).every(isRunning);
}

function describe({ dir, state }: ClusterRecord): string[] {
  const processes = Object.entries(state.processes).map(
    ([name, process]) => `  ${name.padEnd(24)} ${isRunning(process) ? `pid ${process.pid}` : 'ended'}`,
  );
  const nodes = state.nodes.map(
    ({ name, address, init }) =>
      `  ${name.padEnd(24)} ${address}, enter with: nsenter --target ${init.pid} --all`,
  );
  return [
    `${state.name}: ${state.server ?? 'starting'}, since ${state.createdAt}${state.owner ? `, of process ${state.owner.pid}` : ''}`,
    ...processes,
    ...nodes,
    `  ${'kubeconfig'.padEnd(24)} ${state.adminKubeconfig ?? ''}`,
    `  ${'logs'.padEnd(24)} ${join(dir, 'logs')}`,
  ];
}

/** The named one, or `default`, or the only one that was left running. */
function choose(records: readonly ClusterRecord[], name: string | undefined): ClusterRecord {
  const named = records.find(({ state }) => state.name === (name ?? defaultName));
  if (named) return named;
  if (name !== undefined) throw new UsageError(`there is no cluster ${name}`);
  const kept = records.filter(({ state }) => !state.owner);
  if (kept.length === 1 && kept[0]) return kept[0];
  if (kept.length === 0) throw new UsageError('no cluster runs; start one with: npm run cluster -- up');
  throw new UsageError(`which one? --name ${kept.map(({ state }) => state.name).join(', --name ')}`);
}

function chooseForDown(records: readonly ClusterRecord[], name: string | undefined): ClusterRecord[] {
  if (name === undefined && !records.some(({ state }) => !state.owner)) return [];
  return [choose(records, name)];
}
