import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { findBinaries, kubernetesVersion } from '../cluster/binaries.ts';
import { assertNothingLeft, processesOf, temporaryRoot } from './support.ts';

describe('a control plane', () => {
  const { root, remove } = temporaryRoot();
  let controlPlane: ControlPlane;
  before(async () => {
    controlPlane = await startControlPlane({ root });
  });
  after(async () => {
    await controlPlane.stop();
    remove();
  });

  it('is the version of its binary, and obeys the admin', async () => {
    const version = JSON.parse(await controlPlane.kubectl(['version', '--output=json'])) as {
      serverVersion: { gitVersion: string };
    };
    const { 'kube-apiserver': binary } = await findBinaries(['kube-apiserver']);
    const printed = execFileSync(binary, ['--version'], { encoding: 'utf8' });
    assert.equal(`Kubernetes ${version.serverVersion.gitVersion}`, printed.trim());
    if (process.env['KUBEBUILDER_ASSETS'] === undefined)
      assert.match(printed, new RegExp(kubernetesVersion()));
    assert.equal((await controlPlane.kubectl(['auth', 'can-i', '*', '*'])).trim(), 'yes');
  });

  it('applies YAML and objects, and says what is wrong when it cannot', async () => {
    await controlPlane.apply('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n');
    await controlPlane.apply([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b', namespace: 'default' } },
    ]);
    await controlPlane.kubectl(['get', 'configmap', 'a', 'b']);
    await assert.rejects(
      controlPlane.apply('apiVersion: v1\nkind: Nonsense\nmetadata: {name: a}\n'),
      /no matches for kind/,
    );
  });

  it('hands out kubeconfigs for a node, a service account and anybody', async () => {
    const whoami = async (kubeconfig: string): Promise<string> => {
      const args = ['--kubeconfig', kubeconfig, 'auth', 'whoami', '--output=json'];
      const review = JSON.parse(await controlPlane.kubectl(args)) as {
        status: { userInfo: { username: string } };
      };
      return review.status.userInfo.username;
    };
    assert.equal(await whoami(await controlPlane.kubeconfig({ node: 'n1' })), 'system:node:n1');
    assert.equal(
      await whoami(
        await controlPlane.kubeconfig({ serviceAccount: { namespace: 'default', name: 'default' } }),
      ),
      'system:serviceaccount:default:default',
    );
    assert.equal(await whoami(await controlPlane.kubeconfig({ user: 'alice', groups: ['dev'] })), 'alice');
  });

  it('gives a service account in a pod a token that names the pod and its node', async () => {
    await controlPlane.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'driver', namespace: 'default' },
      spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'none' }] },
    });
    const uid = await controlPlane.kubectl(['get', 'pod', 'driver', '--output=jsonpath={.metadata.uid}']);
    const { token } = await controlPlane.connection({
      serviceAccount: { namespace: 'default', name: 'default', boundPod: { name: 'driver', uid } },
    });
    const claims = JSON.parse(
      Buffer.from((await token?.())?.split('.')[1] ?? '', 'base64url').toString(),
    ) as {
      'kubernetes.io': { pod: { uid: string } };
    };
    assert.equal(claims['kubernetes.io'].pod.uid, uid);
  });

  it('comes back at the same place with the same data after its API server is killed', async () => {
    await controlPlane.kubectl(['create', 'configmap', 'kept']);
    const before = controlPlane.pids['kube-apiserver'];
    await controlPlane.killApiServer();
    await assert.rejects(controlPlane.kubectl(['get', 'configmap', 'kept']), /refused/);
    await controlPlane.startApiServer();
    assert.notEqual(controlPlane.pids['kube-apiserver'], before);
    await controlPlane.kubectl(['get', 'configmap', 'kept']);
  });

  it('runs beside another one', async () => {
    await using other = await startControlPlane({ root, controllerManager: false });
    await other.kubectl(['create', 'configmap', 'here']);
    await assert.rejects(controlPlane.kubectl(['get', 'configmap', 'here']), /not found/);
    assert.notEqual(other.server.host, controlPlane.server.host);
  });

  it('refuses a name that is taken', async () => {
    await assert.rejects(startControlPlane({ root, name: controlPlane.record.state.name }), /exists already/);
  });

  it('leaves nothing when it is stopped, and can be stopped again', async () => {
    const short = await startControlPlane({ root, controllerManager: false });
    const { state } = short.record;
    const processes = processesOf(state);
    assert.ok(processes.length >= 2);
    await short.stop();
    assertNothingLeft(short.dir, state, processes);
    await short.stop();
  });

  it('names the component and the end of its log when it does not start', async () => {
    await assert.rejects(
      startControlPlane({ root, apiServerFlags: ['--no-such-flag'] }),
      /kube-apiserver ended while waiting for .*unknown flag: --no-such-flag/s,
    );
  });
});
