import { randomLoopbackAddress } from '../../cluster/process/free-ports.ts';
import { Example } from './example.ts';
import type { Endpoint, Protocol } from './probe.ts';
import { Program } from './program.ts';
import { RotatingVolume } from './rotating-volume.ts';

export interface ApplicationOptions {
  /** Its folder in docs/examples. */
  readonly example: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Where the container's command is found here, before the folders of PATH. */
  readonly binaries?: string;
  /** What this machine has in place of what the container has, besides the volume and the address. */
  readonly places?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Whom it runs as, and the group that is his, in place of the pod's. */
  readonly user?: { readonly name: string; readonly group: number };
}

/** An example that runs, with its volume. */
export interface Application {
  readonly volume: RotatingVolume;
  readonly endpoint: Endpoint;
  readonly program: Program;
  readonly remove: () => Promise<void>;
}

/** Starts an example on an address of its own, as its pod.yaml says, with a volume that its pod.yaml describes. */
export async function startApplication(options: ApplicationOptions): Promise<Application> {
  const example = new Example(options.example);
  const group = options.user?.group ?? example.fsGroup;
  const volume = await RotatingVolume.create({
    attributes: example.attributes,
    ...(group !== undefined && { group }),
  });
  const address = randomLoopbackAddress();
  const installed = example.install({
    ...options.places,
    '/identity': volume.path,
    '0.0.0.0': address,
  });
  const program = new Program({
    command: installed.command,
    path: [
      ...(options.binaries === undefined ? [] : [options.binaries]),
      process.env['PATH'] ?? '/usr/bin:/bin',
      '/usr/sbin',
    ],
    env: { RELOAD_INTERVAL: '0.2', ...options.env },
    ...(options.user && { user: options.user.name }),
  });
  return {
    volume,
    program,
    endpoint: { address, port: options.port, protocol: options.protocol },
    async remove() {
      await program.end();
      installed.remove();
      volume.remove();
    },
  };
}
