// npm run demo: the main job from nothing, on a real Kubernetes, explained as it goes.
import { parseArgs } from 'node:util';
import { existsSync } from 'node:fs';
import { DemoScreen } from './demo-screen.ts';
import { demoOnNode } from './demo-on-node.ts';
import { demoWithoutKubelet } from './demo-without-kubelet.ts';

const usage = `npm run demo [-- --keep] [-- --control-plane-only]

Starts a real Kubernetes on this machine, installs certmount, gives two pods their certificates, lets them do mutual TLS,
and rotates a certificate while they talk. Takes everything down at the end.

  --keep                 leaves the cluster running; npm run cluster -- down --name demo ends it
  --control-plane-only   without a kubelet: the demo calls the driver as the kubelet would (also the way without root)
  --help                 this text

The first run builds Kubernetes from Go modules, which takes some minutes; set KUBEBUILDER_ASSETS to a folder of binaries to
do without.
`;

process.exitCode = await main();

async function main(): Promise<number> {
  let options: { keep?: boolean; help?: boolean; 'control-plane-only'?: boolean };
  try {
    options = parseArgs({
      options: {
        keep: { type: 'boolean' },
        help: { type: 'boolean' },
        'control-plane-only': { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const screen = new DemoScreen();
  const keep = options.keep ?? false;
  const obstacle = options['control-plane-only'] ? 'it was asked for' : nodeObstacle();
  try {
    if (obstacle === undefined) {
      await demoOnNode({ keep }, screen);
    } else {
      screen.note(`without a kubelet: ${obstacle}`);
      await demoWithoutKubelet({ keep }, screen);
    }
    return 0;
  } catch (error) {
    console.error(`\nThe demo failed: ${(error as Error).message}`);
    return 1;
  }
}

function nodeObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'pods need root';
  if (!existsSync('/usr/bin/apt-get')) return 'containerd and its friends are installed from Debian packages';
  return undefined;
}
