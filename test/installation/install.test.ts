import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import { root } from '../../tools/run-command.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { podCertificateGates } from '../support/pod-certificates.ts';

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
      ...podCertificateGates,
    });
    older = await startControlPlane({
      controllerManager: false,
      ...withoutMutatingPolicies,
      // From 1.37 on they are there.
      featureGates: {
        PodCertificateRequest: false,
        ClusterTrustBundle: false,
        ClusterTrustBundleProjection: false,
      },
    });
  });
  after(async () => {
    await modern?.stop();
    await older?.stop();
  });

  it('says what it takes, and what is wrong with what it is given', async () => {
    const help = await install(older, '--help');
    assert.equal(help.code, 0);
    for (const option of [
      '--image',
      '--component',
      '--driver-only',
      '--with-inject',
      '--replace-crds',
      '--dry-run',
    ])
      assert.match(help.output, new RegExp(`^ +${option} `, 'm'));
    for (const [args, message] of [
      [['--dryrun'], 'unknown option "--dryrun"'],
      [['--image'], '--image needs a value'],
      [['--image', ''], '--image "": needs a value'],
      [['--image='], '--image "": needs a value'],
      [['--image', '--with-inject'], '--image "--with-inject": needs a value'],
      [['--component='], '--component "": needs a value'],
      [['--image', 'a b'], '--image "a b": is not the name of an image'],
      [['--image', 'certmount:v1\ncertmount:v2'], 'is not the name of an image'],
      [['--image=Registry.example/Certmount'], 'is not the name of an image'],
      [['--image=certmount:'], 'is not the name of an image'],
      [['--image=certmount@sha256:abc'], 'is not the name of an image'],
      [['--image=certmount@sha1:' + 'a'.repeat(64)], 'is not the name of an image'],
      [
        ['--component', 'deploy/inject-kustomize'],
        'is for the kustomizations of workloads, and does nothing here; see docs/inject.md',
      ],
      [
        ['--driver-only', '--component', 'deploy/approve-pods'],
        '--component deploy/approve-pods: --driver-only takes those of daemonset alone',
      ],
      [['--driver-only', '--replace-crds'], '--replace-crds: --driver-only brings no CRDs'],
      [
        ['--driver-only', ...image],
        '--driver-only: the cluster does not serve CertificateRequest of cert-manager.io/v1: install cert-manager first',
      ],
      [['--component', 'daemonset/k3s'], 'there is no such component; there are deploy/approve-pods'],
      [['--component', 'deploy/../components/approve-pods'], 'there is no such component'],
    ] as const) {
      const { code, errors } = await install(older, ...args);
      assert.equal(code, 1);
      assert.ok(errors.includes(message), errors);
    }
    const { errors } = await install(older, '--component', 'deploy/none');
    assert.doesNotMatch(errors, /inject-kustomize/);
    const none = await install(older);
    assert.deepEqual([none.code, none.errors], [1, 'install.sh: --image must be given: none runs yet\n']);
  });

  it("leaves cert-manager's CRDs alone, until it is told to take them over", async () => {
    const [name, others] = ['issuers.cert-manager.io', 'certificates.cert-manager.io'];
    const crd = (full: string, kind: string): object => {
      const [plural = '', ...group] = full.split('.');
      const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
      return {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: full, labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
        spec: {
          group: group.join('.'),
          names: { kind, plural, singular: plural.replace(/s$/, '') },
          scope: 'Namespaced',
          versions: [{ name: 'v1', served: true, storage: true, schema }],
        },
      };
    };
    await older.apply([
      crd(name, 'Issuer'),
      crd('certificaterequests.cert-manager.io', 'CertificateRequest'),
      crd(others, 'Certificate'),
    ]);
    for (const args of [[], ['--dry-run']]) {
      const { code, errors, output } = await install(older, ...image, ...args);
      assert.deepEqual([code, output], [1, '']);
      assert.match(
        errors,
        /has CRDs of somebody else, such as cert-manager: certificaterequests\S+ issuers\.cert-manager\.io$/m,
      );
      assert.match(errors, /^For the driver alone, .*: --driver-only$/m);
      assert.match(errors, /^To replace them: --replace-crds$/m);
    }
    assert.equal(await older.kubectl(['get', 'deployment', '-A', '-o', 'name']), '');
    await assertDriverAlone(older);
    const { code, errors } = await install(older, ...image, '--replace-crds');
    assert.equal(code, 0, errors);
    assert.match(
      errors,
      /^CRDs of somebody else are replaced: certificaterequests\S+ issuers\.cert-manager\.io$/m,
    );
    const again = await install(older);
    assert.equal(again.code, 0, 'they are its own now');
  });

  it('prints in a dry run what it would apply, and applies nothing', async () => {
    const { code, errors, output } = await install(modern, ...image, '--dry-run');
    assert.equal(code, 0, errors);
    const kinds = parseAllDocuments(output).map((document) => (document.toJS() as Applied).kind);
    for (const kind of ['Deployment', 'DaemonSet', 'ValidatingAdmissionPolicy', 'MutatingAdmissionPolicy'])
      assert.ok(kinds.includes(kind), kind);
    assert.match(errors, /would apply deploy with mutating-identity, daemonset$/m);
    for (const kind of ['crd', 'validatingadmissionpolicy', 'mutatingadmissionpolicy', 'csidriver'])
      assert.equal(await modern.kubectl(['get', kind, '-o', 'name']), '', kind);
  });

  it('lets the API server fill in who asks where it can', async () => {
    const { code, errors } = await install(modern, ...image);
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
    const alone = await install(modern, '--with-inject', '--driver-only', '--dry-run');
    assert.match(alone.errors, /would apply daemonset with deploy\/inject$/m);
    assert.match(alone.output, /^ {2}name: certmount-inject$/m);
    assert.doesNotMatch(alone.output, /^kind: Deployment$/m);
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

  it('lets the kubelet hand tokens over as the cluster knows it', async () => {
    const known = await install(modern, '--component=daemonset/token-request');
    assert.equal(known.code, 0, known.errors);
    assert.match(known.errors, /daemonset with token-request$/m);
    // What an API server before 1.35 says, and would refuse the object for.
    const answer = 'error: field "serviceAccountTokenInSecrets" does not exist';
    const wrapped = wrapKubectl(older, `if [ "$1" = explain ]; then echo '${answer}' >&2; exit 1; fi`);
    const args = [...image, '--component=daemonset/token-request', '--dry-run'];
    const { code, errors, output } = await run(wrapped, args);
    assert.equal(code, 0, errors);
    assert.match(errors, /daemonset with token-request token-in-context$/m);
    assert.doesNotMatch(output, /serviceAccountTokenInSecrets/);
    assert.match(output, /tokenRequests:/);
  });

  it('waits for definitions upon which kubectl gives up at first', async () => {
    const seen = join(older.dir, 'given-up');
    const error = 'error: .status.conditions accessor error: <nil> is of the type <nil>';
    const once = `if [ "$1" = wait ] && mkdir ${seen} 2>/dev/null; then echo '${error}' >&2; exit 1; fi`;
    const { code, errors } = await run(wrapKubectl(older, once), image);
    assert.equal(code, 0, errors);
    assert.ok(existsSync(seen));
  });

  it('keeps the image that runs, where none is named', async () => {
    const imagesOf = async (): Promise<string[]> => {
      const path = '{.items[*].spec.template.spec.containers[0].image}';
      const text = await older.kubectl(['get', '-n', 'certmount', 'deploy,ds', '-o', `jsonpath=${path}`]);
      return text.split(' ');
    };
    const digest = `registry.example/team/certmount@sha256:${'0a'.repeat(32)}`;
    assert.equal((await install(older, `--image=${digest}`)).code, 0);
    const { code, errors } = await install(older, '--component=daemonset/k0s');
    assert.equal(code, 0, errors);
    assert.ok(errors.includes(`image: ${digest}, as it runs\n`), errors);
    assert.deepEqual(await imagesOf(), [digest, digest]);
    const other = 'daemonset/certmount-driver';
    await older.kubectl(['set', 'image', '-n', 'certmount', other, 'driver=certmount:other']);
    const two = await install(older);
    assert.ok(
      two.errors.includes(`image: ${digest}, of the driver certmount:other, as it runs\n`),
      two.errors,
    );
    assert.deepEqual(await imagesOf(), [digest, 'certmount:other']);
  });

  it('says when there is no cluster, and has left nothing behind', async () => {
    const { code, errors } = await run({ KUBECONFIG: '/nowhere', KUBECTL: kubectlOf(older) }, []);
    assert.equal(code, 1);
    assert.match(errors, /no answer from the cluster/);
    assert.deepEqual(readdirSync(join(older.dir, 'temporary')), []);
  });
});

const image = ['--image', 'certmount:latest'] as const;

/** Beside another controller, whose CRDs stay as they are. */
async function assertDriverAlone(cluster: ControlPlane): Promise<void> {
  const crds = [
    'get',
    'crd',
    '-o',
    'jsonpath={range .items[*]}{.metadata.uid} {.metadata.generation}{"\\n"}{end}',
  ];
  await eventually('CertificateRequests', async () =>
    (await cluster.kubectl(['get', '--raw', '/apis/cert-manager.io/v1'])).includes('certificaterequests')
      ? true
      : undefined,
  );
  const before = await cluster.kubectl(crds);
  const dry = await install(cluster, ...image, '--driver-only', '--dry-run');
  assert.deepEqual([dry.code, /would apply daemonset$/m.test(dry.errors)], [0, true], dry.errors);
  const own = 'registry.example/certmount:v1';
  const { code, errors } = await install(
    cluster,
    ...['--driver-only', '--image', own, '--component', 'daemonset/k0s'],
  );
  assert.equal(code, 0, errors);
  assert.match(errors, /applied daemonset with k0s$/m);
  const workloads = ['get', '-n', 'certmount', 'deployment,daemonset', '-o'];
  const images = 'jsonpath={.items[*].metadata.name} {.items[*].spec.template.spec.containers[0].image}';
  assert.equal(await cluster.kubectl([...workloads, images]), `certmount-driver ${own}`);
  for (const name of ['csidriver/csi.certmount.io', 'clusterrolebinding/certmount-driver'])
    await cluster.kubectl(['get', name]);
  const policies = await cluster.kubectl(['get', 'validatingadmissionpolicy', '-o', 'name']);
  assert.match(policies.trim(), /^\S+\/certmount-deletion$/);
  assert.equal(await cluster.kubectl(crds), before);
  const again = await install(cluster, '--driver-only');
  assert.equal(again.code, 0, again.errors);
  assert.ok(again.errors.startsWith(`image: ${own}, as it runs\n`), again.errors);
}

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

/** The environment with a kubectl that does this first. */
function wrapKubectl(cluster: ControlPlane, script: string): Readonly<Record<string, string>> {
  const wrapped = join(mkdtempSync(join(cluster.dir, 'kubectl-')), 'kubectl');
  writeFileSync(wrapped, `#!/bin/sh\n${script}\nexec ${kubectlOf(cluster)} "$@"\n`, { mode: 0o755 });
  return { KUBECONFIG: cluster.adminKubeconfig, KUBECTL: wrapped, HOME: cluster.dir };
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
