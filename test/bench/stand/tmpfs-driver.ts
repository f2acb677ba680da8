import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { parse } from 'yaml';
import { root } from '../../../tools/run-command.ts';
import { certmountImageSpec } from '../../cluster/images/ready-made.ts';
import type { CertmountCluster } from '../../support/certmount-cluster.ts';

export const tmpfsDriverName = 'tmpfs.bench.certmount.io';

const name = 'tmpfs-driver';
const image = 'certmount.io/test/tmpfs-driver:dev';

/** The fixture driver on the node, by a DaemonSet and a CSIDriver that differ from certmount's in names only. */
export async function installTmpfsDriver(cluster: CertmountCluster): Promise<void> {
  const dist = join(cluster.controlPlane.dir, 'tmpfs-driver');
  await build({
    absWorkingDir: root,
    entryPoints: ['test/bench/fixtures/tmpfs-driver.ts'],
    // Where the DaemonSet's command looks for it.
    outfile: join(dist, 'certmount.mjs'),
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    minify: true,
    logLevel: 'warning',
    // CommonJS packages in an ESM bundle call require for Node's own modules.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    external: ['node:ffi'],
  });
  await cluster.node.loadImage(await certmountImageSpec({ name: image, dist }));
  await cluster.controlPlane.apply([csiDriver(), daemonSet()]);
  await cluster.kubectl('rollout', 'status', '-n', 'certmount', `daemonset/${name}`, '--timeout=60s');
}

function csiDriver(): object {
  const manifest = read('daemonset/csi-driver.yaml') as { readonly spec: object };
  return { ...manifest, metadata: { name: tmpfsDriverName } };
}

function daemonSet(): object {
  const { spec, ...manifest } = read('daemonset/daemonset.yaml') as DaemonSet;
  const labels = { 'app.kubernetes.io/name': name };
  const pod = spec.template.spec;
  const [container] = pod.containers;
  if (container === undefined) throw new Error('daemonset/daemonset.yaml has no container');
  const { livenessProbe: _, readinessProbe: __, startupProbe: ___, ports: ____, ...rest } = container;
  return {
    ...manifest,
    metadata: { name, namespace: 'certmount', labels },
    spec: {
      ...spec,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          ...pod,
          containers: [
            { ...rest, name, image, imagePullPolicy: 'Never', args: [tmpfsDriverName, '$(NODE_NAME)'] },
          ],
          volumes: pod.volumes.map((volume) =>
            volume.name === 'plugin' ? { name: 'plugin', hostPath: pluginFolder } : volume,
          ),
        },
      },
    },
  };
}

const pluginFolder = { path: `/var/lib/kubelet/plugins/${tmpfsDriverName}`, type: 'DirectoryOrCreate' };

interface DaemonSet {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly Readonly<Record<string, unknown>>[];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
  };
}

function read(file: string): unknown {
  return parse(readFileSync(join(root, file), 'utf8'));
}
