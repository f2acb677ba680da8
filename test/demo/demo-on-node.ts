import { join } from 'node:path';
import { type CertmountCluster, startCertmountCluster } from '../support/certmount-cluster.ts';
import { clusterIssuerWithCa } from '../support/certificate-authority.ts';
import { eventually } from '../support/eventually.ts';
import { namespace, serviceAccount, workloadPod } from '../support/pods.ts';
import type { DemoScreen } from './demo-screen.ts';

interface Report {
  readonly handshakes: number;
  readonly failures: number;
  readonly mismatches: number;
  readonly serials: readonly string[];
  readonly lastFailure: string;
}

const frontendId = 'spiffe://cluster.local/ns/web/sa/frontend';
const databaseId = 'spiffe://cluster.local/ns/store/sa/database';
const issuer = { 'issuer-name': 'demo-ca', 'issuer-kind': 'ClusterIssuer' };
const rotations = 4;

/** The whole way, with a kubelet, pods, and the manifests that users apply. */
export async function demoOnNode(options: { readonly keep: boolean }, screen: DemoScreen): Promise<void> {
  screen.step(
    'A cluster: control plane, a node with kubelet and containerd, certmount from its own manifests',
  );
  const cluster = await startCertmountCluster({
    log: (line) => screen.note(line),
    controlPlane: options.keep ? { name: 'demo', detached: 'later' } : {},
    workloadFiles: [{ from: join(import.meta.dirname, '../node/workloads/peer.mjs'), to: '/peer.mjs' }],
  });
  try {
    await show(cluster, screen, 'get', 'pods', '-A');
    await giveIdentities(cluster, screen);
    await lookInside(cluster, screen);
    await watchRotation(cluster, screen);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  summarize(options.keep, screen);
  if (options.keep) cluster.controlPlane.detach();
  else await cluster.stop();
}

async function giveIdentities(cluster: CertmountCluster, screen: DemoScreen): Promise<void> {
  const { controlPlane, kubectl } = cluster;
  screen.step('A CA, and two pods in two namespaces; each asks for a volume and nothing else');
  await controlPlane.apply([
    ...(await clusterIssuerWithCa('demo-ca')).manifests,
    ...['web', 'store'].map(namespace),
    serviceAccount('web', 'frontend'),
    serviceAccount('store', 'database'),
  ]);
  await kubectl('wait', 'clusterissuer/demo-ca', '--for=condition=Ready', '--timeout=30s');
  const frontend = workloadPod({
    name: 'frontend',
    namespace: 'web',
    serviceAccount: 'frontend',
    // Short, so that a rotation comes while you watch.
    attributes: { ...issuer, duration: '1m', 'renew-before': '51s' },
    command: ['node', '/peer.mjs'],
    environment: { EXPECTED_PEER: databaseId },
  });
  screen.output(volumeText(issuer));
  await controlPlane.apply([frontend]);
  await kubectl('wait', '-n', 'web', 'pod/frontend', '--for=condition=Ready', '--timeout=60s');
  const address = await kubectl('get', 'pod', '-n', 'web', 'frontend', '-o', 'jsonpath={.status.podIP}');
  await controlPlane.apply([
    workloadPod({
      name: 'database',
      namespace: 'store',
      serviceAccount: 'database',
      attributes: issuer,
      command: ['node', '/peer.mjs'],
      environment: { EXPECTED_PEER: frontendId, PEER_ADDRESS: address },
    }),
  ]);
  await kubectl('wait', '-n', 'store', 'pod/database', '--for=condition=Ready', '--timeout=60s');
  await show(cluster, screen, 'get', 'pods,certificaterequests', '-A');
}

async function lookInside(cluster: CertmountCluster, screen: DemoScreen): Promise<void> {
  screen.step('What the database pod finds in its volume');
  await show(cluster, screen, 'exec', '-n', 'store', 'database', '--', 'ls', '-lL', '/certs');
  await show(
    cluster,
    screen,
    'exec',
    '-n',
    'store',
    'database',
    '--',
    'openssl',
    'x509',
    '-noout',
    '-text',
    '-in',
    '/certs/tls.crt',
  );
}

async function watchRotation(cluster: CertmountCluster, screen: DemoScreen): Promise<void> {
  screen.step(
    `Mutual TLS between them, ten handshakes a second, while the frontend rotates ${rotations} times`,
  );
  let shown = 0;
  const { database, frontend } = await eventually(
    'the rotations',
    async () => {
      const reports = {
        frontend: await report(cluster, 'web', 'frontend'),
        database: await report(cluster, 'store', 'database'),
      };
      const { handshakes, serials } = reports.database;
      for (; shown < serials.length; shown += 1) {
        screen.note(
          `the frontend shows serial ${serials[shown]?.toLowerCase()}; ${handshakes} handshakes so far`,
        );
      }
      return serials.length > rotations && reports.frontend.handshakes > 0 ? reports : undefined;
    },
    60_000,
  );
  const failures = frontend.failures + database.failures;
  if (failures > 0)
    throw new Error(`${failures} handshakes failed: ${frontend.lastFailure || database.lastFailure}`);
  screen.fact(
    `${frontend.handshakes + database.handshakes} handshakes, none failed; each end checked the other's SPIFFE ID`,
  );
  screen.fact(`${frontend.mismatches + database.mismatches} times a key did not match its certificate`);
}

function summarize(keep: boolean, screen: DemoScreen): void {
  screen.step('What this proved');
  screen.fact('both pods had key, certificate and anchors before their containers started');
  screen.fact(`their identities are ${frontendId} and ${databaseId}, from their service accounts`);
  screen.fact(
    `certificates were replaced in place ${rotations} times under traffic, without a restart or a failed handshake`,
  );
  screen.note('done');
  console.log(
    keep
      ? '\nThe cluster goes on. Look around:\n  npm run cluster -- --name demo kubectl get pods -A\nand take it down:\n  npm run cluster -- down --name demo'
      : '\nEverything is taken down. To look around instead: npm run demo -- --keep',
  );
}

async function show(cluster: CertmountCluster, screen: DemoScreen, ...args: string[]): Promise<void> {
  screen.command(`kubectl ${args.join(' ')}`);
  screen.output(await cluster.kubectl(...args));
}

async function report(cluster: CertmountCluster, ns: string, pod: string): Promise<Report> {
  return JSON.parse(await cluster.kubectl('logs', '-n', ns, pod, '--tail=1')) as Report;
}

function volumeText(attributes: Readonly<Record<string, string>>): string {
  const lines = Object.entries(attributes).map(([name, value]) => `        ${name}: ${value}`);
  return [
    'volumes:',
    '  - name: certs',
    '    csi:',
    '      driver: csi.certmount.io',
    '      readOnly: true',
    '      volumeAttributes:',
    ...lines,
  ].join('\n');
}
