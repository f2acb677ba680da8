import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { KubeClient, systemClock } from '../../src/kube/index.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { CsiClient, type VolumeOfPod } from '../support/csi-client.ts';
import { clusterIssuerWithCa } from '../support/certificate-authority.ts';
import { eventually } from '../support/eventually.ts';
import { installManifests } from '../support/install-manifests.ts';
import { driverCredentials } from '../support/node-identity.ts';
import { namespace } from '../support/pods.ts';
import { ProgramProcess } from '../support/program-process.ts';
import type { DemoScreen } from './demo-screen.ts';
import { exchangeGreetings } from './exchange-greetings.ts';
import { controllerCredentials } from '../support/controller-credentials.ts';

const nodeName = 'demo-node';
const rotations = 3;

/** Without root: the driver mounts in a user namespace of its own and is called as the kubelet calls it. */
export async function demoWithoutKubelet(
  options: { readonly keep: boolean },
  screen: DemoScreen,
): Promise<void> {
  screen.step('A control plane, and driver and controller as processes');
  const controlPlane = await startControlPlane({
    log: (line) => screen.note(line),
    ...(options.keep ? { name: 'demo', detached: 'later' as const } : {}),
  });
  const started: { end(): Promise<unknown> }[] = [];
  try {
    const world = await startPrograms(controlPlane, started, screen);
    await publishTwo(world, screen);
    await watchRotation(world, screen);
    for (const volume of world.volumes) await world.csi.unpublish(volume);
    screen.step('What this proved');
    screen.fact('the driver answered the kubelet only when key, certificate and anchors were in the volume');
    screen.fact(`certificates were replaced in place ${rotations} times; mutual TLS worked with each`);
    screen.note('done');
    world.csi.close();
  } finally {
    for (const program of started) await program.end();
    if (options.keep) controlPlane.detach();
    else await controlPlane.stop();
  }
  if (options.keep)
    console.log(
      '\nThe control plane goes on: npm run cluster -- --name demo kubectl get certificaterequests -A',
    );
}

interface World {
  readonly controlPlane: ControlPlane;
  readonly csi: CsiClient;
  readonly volumes: readonly VolumeOfPod[];
  /** A path of the driver's mount namespace, as this process can open it. */
  readonly inside: (path: string) => string;
}

async function startPrograms(
  controlPlane: ControlPlane,
  started: { end(): Promise<unknown> }[],
  screen: DemoScreen,
): Promise<World> {
  const { dir } = controlPlane;
  await installManifests(controlPlane);
  await controlPlane.apply([namespace('web'), namespace('store')]);
  await controlPlane.apply([...(await clusterIssuerWithCa('demo-ca')).manifests]);

  const kubeletDir = join(dir, 'kubelet');
  const socket = join(dir, 'csi.sock');
  const volumes: VolumeOfPod[] = [];
  for (const [ns, name] of [
    ['web', 'frontend'],
    ['store', 'database'],
  ] as const) {
    volumes.push(await createPod(controlPlane, kubeletDir, ns, name));
  }
  const controller = new ProgramProcess({
    program: 'controller',
    flags: ['--kubeconfig', await controlPlane.kubeconfig(controllerCredentials), '--leader-elect=false'],
  });
  started.push(controller);
  const driver = new ProgramProcess({
    program: 'driver',
    wrapper: unshare(),
    flags: [
      '--kubeconfig',
      await driverKubeconfig(controlPlane),
      '--node-id',
      nodeName,
      '--endpoint',
      `unix://${socket}`,
      '--kubelet-dir',
      kubeletDir,
    ],
  });
  started.push(driver);
  await driver.saying('serving');
  await eventually(
    'the controller to be ready',
    async () => (await controller.get('/readyz')).ok || undefined,
  );
  screen.note('driver and controller are running');
  return {
    controlPlane,
    csi: new CsiClient(socket),
    volumes,
    inside: (path) => `/proc/${driver.pid}/root${path}`,
  };
}

/** As the driver's pod on the node would be known to the API server. */
async function driverKubeconfig(controlPlane: ControlPlane): Promise<string> {
  const connection = await controlPlane.connection('admin');
  const admin = new KubeClient(
    { connection, userAgent: 'certmount-demo' },
    { clock: systemClock, random: Math.random },
  );
  try {
    return await controlPlane.kubeconfig(await driverCredentials(admin, nodeName));
  } finally {
    admin.close();
  }
}

/** Root of nothing but its own namespaces, which is enough to mount a tmpfs there. */
function unshare(): string[] {
  const wrapper =
    process.getuid?.() === 0 ? ['unshare', '--mount'] : ['unshare', '--user', '--map-root-user', '--mount'];
  if (spawnSync(wrapper[0] as string, [...wrapper.slice(1), 'true']).status !== 0) {
    throw new Error(
      'this system lets nobody but root mount, not even in a user namespace: run the demo as root',
    );
  }
  return wrapper;
}

async function createPod(
  controlPlane: ControlPlane,
  kubeletDir: string,
  ns: string,
  name: string,
): Promise<VolumeOfPod> {
  await controlPlane.apply([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: ns, name } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: ns, name },
      spec: { nodeName, serviceAccountName: name, containers: [{ name: 'none', image: 'none' }] },
    },
  ]);
  const uid = await controlPlane.kubectl(['get', 'pod', '-n', ns, name, '-o', 'jsonpath={.metadata.uid}']);
  const parent = join(kubeletDir, 'pods', uid, 'volumes/kubernetes.io~csi/certs');
  mkdirSync(parent, { recursive: true });
  return {
    volumeId: `csi-${uid}`,
    targetPath: join(parent, 'mount'),
    pod: { name, namespace: ns, uid, serviceAccount: name },
    attributes: {
      'issuer-name': 'demo-ca',
      'issuer-kind': 'ClusterIssuer',
      duration: '1m',
      'renew-before': '51s',
    },
  };
}

async function publishTwo(world: World, screen: DemoScreen): Promise<void> {
  screen.step('Two pods; the driver is called as the kubelet calls it');
  for (const volume of world.volumes) {
    const began = performance.now();
    await world.csi.publish(volume);
    screen.fact(
      `NodePublishVolume for ${volume.pod.namespace}/${volume.pod.name} answered after ${Math.round(performance.now() - began)} ms`,
    );
  }
  const [volume] = world.volumes;
  if (volume === undefined) return;
  const path = world.inside(volume.targetPath);
  screen.command(`ls -lL ${volume.targetPath}`);
  screen.output(spawnSync('ls', ['-lL', path], { encoding: 'utf8' }).stdout);
  screen.command(`openssl x509 -noout -text -in ${volume.targetPath}/tls.crt`);
  screen.output(
    spawnSync('openssl', ['x509', '-noout', '-text', '-in', join(path, 'tls.crt')], { encoding: 'utf8' })
      .stdout,
  );
  screen.command('kubectl get certificaterequests -A');
  screen.output(await world.controlPlane.kubectl(['get', 'certificaterequests', '-A']));
}

async function watchRotation(world: World, screen: DemoScreen): Promise<void> {
  screen.step(`Mutual TLS with the files of both volumes, over ${rotations} rotations`);
  const serials = new Set<string>();
  const [frontend, database] = world.volumes.map((volume) => world.inside(volume.targetPath));
  if (frontend === undefined || database === undefined) return;
  await eventually(
    'the rotations',
    async () => {
      const { peer, serial } = await exchangeGreetings(frontend, database);
      if (serials.size === 0) screen.fact(`the handshake works; the other end is ${peer}`);
      if (!serials.has(serial)) screen.note(`serial ${serial.toLowerCase()}`);
      serials.add(serial);
      return serials.size > rotations || undefined;
    },
    60_000,
  );
}
