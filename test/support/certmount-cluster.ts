import { buildBundle } from '../../tools/build.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../cluster/control-plane.ts';
import { certmountImageSpec, workloadImageSpec } from '../cluster/images/ready-made.ts';
import type { ImageFile } from '../cluster/images.ts';
import type { Log } from '../cluster/log.ts';
import { type ClusterNode, type NodeOptions, startNode } from '../cluster/node.ts';
import { findPrograms } from '../cluster/node/packages.ts';
import { type Base, writeOverlay } from './overlay.ts';

const certmountImage = 'certmount.io/test/certmount:dev';
export const workloadImage = 'certmount.io/test/workload:dev';

export interface CertmountClusterOptions {
  readonly log: Log;
  readonly controlPlane?: ControlPlaneOptions;
  readonly node?: Pick<NodeOptions, 'featureGates' | 'kubeletConfiguration' | 'kubeletDir'>;
  /** Names of folders in `deploy/components` and `daemonset/components`. */
  readonly components?: Partial<Record<Base, readonly string[]>>;
  /** Files for the pods of the test, put into the workload image. */
  readonly workloadFiles?: readonly ImageFile[];
}

export interface CertmountCluster extends AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly node: ClusterNode;
  readonly kubectl: (...args: string[]) => Promise<string>;
  stop(): Promise<void>;
}

/** A control plane and a node on which driver and controller run as pods, as their manifests say. */
export async function startCertmountCluster(options: CertmountClusterOptions): Promise<CertmountCluster> {
  const { components = {}, log, workloadFiles = [] } = options;
  const [controlPlane] = await Promise.all([
    startControlPlane({ nodes: true, log, ...options.controlPlane }),
    buildBundle(),
  ]);
  try {
    const { busybox } = await findPrograms(['busybox'], log);
    const images = [
      await certmountImageSpec({ name: certmountImage }),
      await workloadImageSpec(busybox, { files: workloadFiles }),
    ];
    const installed = install(controlPlane, components, log);
    // Awaited below; a failure meanwhile is not to end the process.
    installed.catch(() => {});
    const node = await startNode(controlPlane, { images, log, ...options.node });
    const kubectl = (...args: string[]): Promise<string> => controlPlane.kubectl(args);
    await installed;
    await kubectl('rollout', 'status', '-n', 'certmount', 'daemonset/certmount-driver', '--timeout=60s');
    await kubectl('rollout', 'status', '-n', 'certmount', 'deployment/certmount-controller', '--timeout=60s');
    log('driver and controller are running');
    const stop = (): Promise<void> => controlPlane.stop();
    return { controlPlane, node, kubectl, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
}

/** `kubectl apply -k deploy` and `-k daemonset`, with the image that is on the node. */
async function install(
  controlPlane: ControlPlane,
  components: Partial<Record<Base, readonly string[]>>,
  log: Log,
): Promise<void> {
  const patch = [{ op: 'add', path: '/spec/template/spec/containers/0/imagePullPolicy', value: 'Never' }];
  const [newName, newTag] = certmountImage.split(':');
  for (const base of ['deploy', 'daemonset'] as const) {
    const overlay = writeOverlay(controlPlane.dir, base, components[base], {
      images: [{ name: 'certmount', newName, newTag }],
      patches: [{ target: { kind: 'Deployment|DaemonSet' }, patch: JSON.stringify(patch) }],
    });
    await controlPlane.kubectl(['apply', '-k', overlay]);
    log(`applied ${[base, ...(components[base] ?? [])].join(' with ')}`);
  }
}
