import * as fs from 'node:fs';
import { inClusterConnection, kubeconfigConnection, systemClock } from '../kube/index.ts';
import type { Logger } from '../runtime/log.ts';
import { runDriver } from './driver.ts';
import { type DriverFlagValues, driverFlags } from './options.ts';
import { dropStartupPages } from './startup-pages.ts';
import { CommandMounter, runCommand } from './volume/mount/command-mounter.ts';
import { type Libc, openLibc } from './volume/mount/libc.ts';
import type { Mounter } from './volume/mount/mounter.ts';
import { SyscallMounter } from './volume/mount/syscall-mounter.ts';

export const driverCommand = {
  name: 'driver',
  summary: 'Serves volumes with certificates to the kubelet of one node (a CSI driver).',
  flags: driverFlags,
  async run(
    values: DriverFlagValues,
    context: { readonly signal: AbortSignal; readonly log: Logger; readonly version: string },
  ): Promise<void> {
    // Sockets and records are root's alone; files of volumes get their modes explicitly.
    process.umask(0o077);
    const connection =
      values.kubeconfig === undefined
        ? await inClusterConnection()
        : await kubeconfigConnection(values.kubeconfig);
    const libc = await openLibc();
    await runDriver(
      values,
      {
        connection,
        mounter: chooseMounter(libc, context.log),
        onServing: () => libc && dropStartupPages({ fs, madvise: libc.madvise }),
        clock: systemClock,
        random: Math.random,
        log: context.log,
        version: context.version,
      },
      context.signal,
    );
  },
};

function chooseMounter(syscalls: Libc | undefined, log: Logger): Mounter {
  if (syscalls !== undefined) return new SyscallMounter({}, { syscalls });
  log.info({ component: 'mount' }, 'no foreign-function interface in this Node; mounting with mount(8)');
  return new CommandMounter({}, { run: runCommand });
}
