import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import { root } from '../../../tools/run-command.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

interface Applied {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** As before Kubernetes 1.36. The plugin would wait for the API for ever. */
const withoutMutatingPolicies = {
  runtimeConfig: 'admissionregistration.k8s.io/v1/mutatingadmissionpolicies=false',
  apiServerFlags: ['--disable-admission-plugins=MutatingAdmissionPolicy'],
};

describe('the installer', { timeout: 180_000 }, () => {
  let modern: ControlPlane;
  let older: ControlPlane;
  before(async () => {
    modern = await startControlPlane({
      controllerManager: false,
      featureGates: { PodCertificateRequest: true, ClusterTrustBundle: true },
      runtimeConfig: 'certificates.k8s.io/v1beta1=true',
    });
    older = await startControlPlane({ controllerManager: false, ...withoutMutatingPolicies });
  });
  after(async () => {
    await modern?.stop();
    await older?.stop();
  });

  it('says what it takes, and what is wrong with what it is given', async () => {
    const help = await install(older, '--help');
    assert.equal(help.code, 0);
    for (const option of ['--image', '--component', '--with-inject', '--dry-run'])
      assert.match(help.output, new RegExp(`^ +${option} `, 'm'));
    for (const [args, message] of [
      [['--dryrun'], 'unknown option "--dryrun"'],
      [['--image'], '--image needs a value'],
      [['--image', 'a b'], '--image "a b": is not the name of an image'],
      [['--component', 'daemonset/k3s'], 'there is no such component; there are deploy/approve-pods'],
      [['--component', 'deploy/../components/approve-pods'], 'there is no such component'],
    ] as const) {
      const { code, errors } = await install(older, ...args);
      assert.equal(code, 1);
      assert.ok(errors.includes(message), errors);
    }
  });

  it('prints in a dry run what it would apply, and applies nothing', async () => {
    const { code, errors, output } = await install(modern, '--dry-run');
    assert.equal(code, 0, errors);
    const kinds = parseAllDocuments(output).map((document) => (document.toJS() as Applied).kind);
    for (const kind of ['Deployment', 'DaemonSet', 'ValidatingAdmissionPolicy', 'MutatingAdmissionPolicy'])
      assert.ok(kinds.includes(kind), kind);
    assert.match(errors, /would apply deploy with mutating-identity, daemonset$/m);
    for (const kind of ['crd', 'validatingadmissionpolicy', 'mutatingadmissionpolicy', 'csidriver'])
      assert.equal(await modern.kubectl(['get', kind, '-o', 'name']), '', kind);
  });

  it('lets the API server fill in who asks where it can', async () => {
    const { code, errors } = await install(modern);
    assert.equal(code, 0, errors);
    assert.match(errors, /^MutatingAdmissionPolicy: served/m);
    assert.match(errors, /^PodCertificateRequest: served as v1/m);
    assert.match(errors, /^ClusterTrustBundle: served as v1/m);
    assert.match(errors, /applied deploy with mutating-identity, daemonset$/m);
    const name = await modern.kubectl(['get', 'mutatingadmissionpolicy', '-o', 'name']);
    assert.match(name, /certmount-identity$/m);
    await assertInstalled(modern);
  });

  it('takes the rest where the cluster serves no MutatingAdmissionPolicy', async () => {
    const { code, errors } = await install(older);
    assert.equal(code, 0, errors);
    assert.match(errors, /^MutatingAdmissionPolicy: not served as v1, so the driver fills in/m);
    assert.match(errors, /^PodCertificateRequest: not served/m);
    assert.match(errors, /applied deploy, daemonset$/m);
    await assertInstalled(older);
  });

  it('does not promise volumes by annotation where the API server cannot make them', async () => {
    const { code, errors } = await install(older, '--with-inject');
    assert.equal(code, 1);
    assert.match(errors, /--with-inject needs MutatingAdmissionPolicy of admissionregistration\.k8s\.io\/v1/);
  });

  it('brings volumes by annotation where they are wanted', async () => {
    const { code, errors } = await install(modern, '--with-inject');
    assert.equal(code, 0, errors);
    assert.match(errors, /applied deploy with mutating-identity inject, daemonset$/m);
    const names = await modern.kubectl(['get', 'mutatingadmissionpolicy', '-o', 'name']);
    assert.ok(names.trim().split('\n').length > 1, names);
  });

  it('takes an image and further components, and may be run again', async () => {
    const { code, errors } = await install(
      older,
      ...['--image', 'registry.example:5000/certmount:v1'],
      ...['--component', 'daemonset/k0s', '--component', 'deploy/approve-pods'],
      ...['--component', 'daemonset/k0s'],
    );
    assert.equal(code, 0, errors);
    assert.match(errors, /applied deploy with approve-pods, daemonset with k0s$/m);
    const of = (kind: string, path: string): Promise<string> =>
      older.kubectl([
        'get',
        '-n',
        'certmount',
        kind,
        '-o',
        `jsonpath={.items[0].spec.template.spec.containers[0].${path}}`,
      ]);
    for (const kind of ['deployment', 'daemonset'])
      assert.equal(await of(kind, 'image'), 'registry.example:5000/certmount:v1');
    assert.match(await of('daemonset', 'args'), /--kubelet-dir=\/var\/lib\/k0s\/kubelet/);
    assert.match(await of('deployment', 'args'), /--approve-pods/);
  });

  it('says when there is no cluster, and has left nothing behind', async () => {
    const { code, errors } = await run({ KUBECONFIG: '/nowhere', KUBECTL: kubectlOf(older) }, []);
    assert.equal(code, 1);
    assert.match(errors, /no answer from the cluster/);
    assert.deepEqual(readdirSync(join(older.dir, 'temporary')), []);
  });
});

async function assertInstalled(cluster: ControlPlane): Promise<void> {
  const names = await cluster.kubectl(['get', 'validatingadmissionpolicy', '-o', 'name']);
  for (const name of [
    'requester',
    'immutable',
    'approval',
    'status',
    'node-trust',
    'pod-certificates',
    'deletion',
  ])
    assert.match(names, new RegExp(`/certmount-${name}$`, 'm'));
  const workloads = ['get', '-n', 'certmount', 'deployment,daemonset', '-o', 'name'];
  assert.equal((await cluster.kubectl(workloads)).trim().split('\n').length, 2);
}

function install(cluster: ControlPlane, ...args: readonly string[]): Promise<Ended> {
  const temporary = join(cluster.dir, 'temporary');
  mkdirSync(temporary, { recursive: true });
  const env = { KUBECONFIG: cluster.adminKubeconfig, KUBECTL: kubectlOf(cluster), HOME: cluster.dir };
  return run({ ...env, TMPDIR: temporary }, args);
}

function kubectlOf(cluster: ControlPlane): string {
  return cluster.record.state.kubectl ?? assert.fail('no kubectl');
}

async function run(env: Readonly<Record<string, string>>, args: readonly string[]): Promise<Ended> {
  const child = spawn('sh', [join(root, 'deploy/install.sh'), ...args], {
    cwd: '/',
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, output, errors };
}
