import type { ClusterRecord } from './cluster-record.ts';
import { removeCluster } from './remove-cluster.ts';

/**
 * Takes the cluster down when this process ends or is asked to. A SIGKILL is left to the kernel (the cluster's processes
 * die with their parent) and to the next sweep (the rest).
 *
 * @returns ends the watch
 */
export function cleanUpOnExit(record: ClusterRecord): () => void {
  const onExit = (): void => {
    removeCluster(record);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    unregister();
    removeCluster(record);
    // Nobody else wants to have a word: end as if there had been no handler.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const unregister = (): void => {
    process.off('exit', onExit);
    for (const signal of signals) process.off(signal, onSignal);
  };
  process.on('exit', onExit);
  for (const signal of signals) process.on(signal, onSignal);
  return unregister;
}
