import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { controllerFlags } from '../../src/controller/options.ts';
import { driverFlags, driverOptions, driverPaths } from '../../src/driver/options.ts';
import { parseFlags } from '../../src/runtime/parse-flags.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { type Base, writeOverlay } from '../support/overlay.ts';

interface PodSpec {
  readonly containers: readonly [
    {
      readonly args: readonly string[];
      readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
    },
  ];
  readonly volumes: readonly { readonly name: string; readonly hostPath: { readonly path: string } }[];
}

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules: readonly { readonly resources: string[]; readonly verbs: string[] }[];
  readonly spec: Record<string, unknown> & { readonly template: { readonly spec: PodSpec } };
}

describe('the manifests with their components', { timeout: 120_000 }, () => {
  let cluster: ControlPlane;
  before(async () => {
    cluster = await startControlPlane({ controllerManager: false });
  });
  after(() => cluster?.stop());

  /** What `kubectl apply -k` of an overlay with these sends; applied too. */
  async function render(base: Base, ...components: readonly string[]): Promise<Rendered[]> {
    const overlay = writeOverlay(cluster.dir, base, components);
    const text = await cluster.kubectl(['kustomize', overlay]);
    await cluster.applyPath(overlay);
    return parseAllDocuments(text).map((document) => document.toJS() as Rendered);
  }

  const one = (all: readonly Rendered[], kind: string, name?: string): Rendered =>
    all.find((object) => object.kind === kind && (name ?? object.metadata.name) === object.metadata.name) ??
    assert.fail(`no ${kind}`);

  /** Of the DaemonSet: the flags as the driver takes them, and where its folders lie on the node. */
  function driverOf(all: readonly Rendered[]) {
    const { containers, volumes } = one(all, 'DaemonSet').spec.template.spec;
    const [{ args, volumeMounts }] = containers;
    const values = driverOptions(parseFlags(driverFlags, args.slice(1), {}).values);
    const folders = volumeMounts.map(({ mountPath, name }) => {
      const path = volumes.find((volume) => volume.name === name)?.hostPath.path;
      return [name, mountPath, path];
    });
    return { values, folders: Object.fromEntries(folders.map(([name, ...paths]) => [name, paths])) };
  }

  /** What must hold wherever the kubelet has its directory. */
  function assertPaths(all: readonly Rendered[], kubeletDir: string): void {
    const { folders, values } = driverOf(all);
    assert.equal(values.kubeletDir, kubeletDir);
    assert.deepEqual(folders, {
      plugin: ['/csi', driverPaths(values).kubeletSocket.replace(/\/csi\.sock$/, '')],
      pods: [`${kubeletDir}/pods`, `${kubeletDir}/pods`],
      registry: [`${kubeletDir}/plugins_registry`, `${kubeletDir}/plugins_registry`],
    });
  }

  it('describe the driver as it is', async () => {
    const all = await render('daemonset');
    assertPaths(all, '/var/lib/kubelet');
    assert.deepEqual(one(all, 'CSIDriver').spec, {
      volumeLifecycleModes: ['Ephemeral'],
      attachRequired: false,
      podInfoOnMount: true,
      fsGroupPolicy: 'None',
      seLinuxMount: true,
      requiresRepublish: true,
    });
    const stored = await cluster.kubectl(['get', 'csidriver', 'csi.certmount.io', '-o', 'json']);
    const { spec } = JSON.parse(stored) as Rendered;
    assert.equal(spec['seLinuxMount'], true);
  });

  it('let pods ask in their own name, and the driver in its own no more', async () => {
    const all = await render('daemonset', 'token-request');
    assert.equal(driverOf(all).values.useTokenRequest, true);
    const stored = await cluster.kubectl(['get', 'csidriver', 'csi.certmount.io', '-o', 'json']);
    const { spec } = JSON.parse(stored) as Rendered;
    assert.deepEqual(spec['tokenRequests'], [{ audience: '', expirationSeconds: 3600 }]);
    assert.equal(spec['serviceAccountTokenInSecrets'], true);
    const verbs = (name: string): string[] | undefined =>
      one(all, 'ClusterRole', name).rules.find(({ resources }) => resources.includes('certificaterequests'))
        ?.verbs;
    assert.deepEqual(verbs('certmount-driver'), ['list', 'watch', 'delete']);
    assert.deepEqual(verbs('certmount-workload'), ['create']);
  });

  it('find the kubelet where others have it', async () => {
    assertPaths(await render('daemonset', 'k0s'), '/var/lib/k0s/kubelet');
    assertPaths(await render('daemonset', 'microk8s'), '/var/snap/microk8s/common/var/lib/kubelet');
  });

  it("stand in for cert-manager's csi-driver, also over its object", async () => {
    await cluster.apply({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSIDriver',
      metadata: { name: 'csi.cert-manager.io' },
      spec: { podInfoOnMount: true, volumeLifecycleModes: ['Ephemeral'] },
    });
    const all = await render('daemonset', 'compatibility');
    assertPaths(all, '/var/lib/kubelet');
    const { name } = one(all, 'CSIDriver').metadata;
    assert.equal(name, 'csi.cert-manager.io');
    assert.equal(driverOf(all).values.driverName, name);
  });

  it('are made of components that go together', async () => {
    const all = await render('daemonset', 'token-request', 'startup-taint', 'k0s');
    const { values } = driverOf(all);
    assert.ok(values.useTokenRequest && values.startupTaint);
    assertPaths(all, '/var/lib/k0s/kubelet');
  });

  it('have a controller that approves what pods ask for themselves only where it is wanted', async () => {
    const approves = (all: readonly Rendered[]): boolean => {
      const [{ args }] = one(all, 'Deployment').spec.template.spec.containers;
      return parseFlags(controllerFlags, args.slice(1), {}).values.approvePods;
    };
    assert.equal(approves(await render('deploy')), false);
    assert.equal(approves(await render('deploy', 'approve-pods')), true);
  });
});
