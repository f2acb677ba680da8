import { cpus, loadavg, release, totalmem } from 'node:os';

/** Work of others on this machine, over the last minute: processes that run or want to. */
export function loadOfMachine(): number {
  return loadavg()[0] ?? Number.NaN;
}

/** Where and when: figures of two machines are not to be compared without. */
export function machineLine(kubernetesVersion: string | undefined, loadBefore: number): string {
  const cores = cpus();
  return [
    `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `${cores.length} × ${cores[0]?.model.trim() ?? process.arch}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Linux ${release()}`,
    ...(kubernetesVersion === undefined ? [] : [`Kubernetes ${kubernetesVersion}`]),
    `Node ${process.version}`,
    `load ${loadBefore.toFixed(1)} before`,
  ].join(' · ');
}
