import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { type Container, namespaces, type Pod, type PodVolume, pods } from '../../../src/api/core.ts';
import { type Admission, admitPod } from '../../../src/cli/policy-test/injection/admit-pod.ts';
import { readInjection } from '../../../src/cli/policy-test/injection/read-injection.ts';
import { usualInjection } from '../../../src/cli/policy-test/injection/settings.ts';
import { KubeClient, type KubeError, type KubeObject, systemClock } from '../../../src/kube/index.ts';
import { root } from '../../../tools/run-command.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { eventually } from '../../support/eventually.ts';
import { examplesOf } from '../../support/examples-of.ts';
import { writeOverlay } from '../../support/overlay.ts';

type Annotations = Readonly<Record<string, string>>;

/** What this test looks at; pods have more. */
interface TestContainer extends Container {
  image: string;
  env?: { name: string; value: string }[];
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
}

const path = '/var/run/secrets/certmount.io';
const injected = { name: 'certmount-identity', mountPath: path, readOnly: true };
const folder = { name: 'SPIFFE_CREDENTIAL_FOLDER', value: path };
const socket = { name: 'SPIFFE_ENDPOINT_SOCKET', value: `unix://${path}/workload-api.sock` };

const inject = (settings: Annotations = {}, value = 'true'): Annotations => ({
  'certmount.io/inject': value,
  ...Object.fromEntries(
    Object.entries(settings).map(([name, text]) => [`certmount.io/inject-${name}`, text]),
  ),
});

const container = (name: string, more: Partial<TestContainer> = {}): TestContainer => ({
  name,
  image: 'busybox',
  ...more,
});

function pod(annotations: Annotations, spec: Record<string, unknown> = {}, namespace = 'web'): Pod {
  return {
    metadata: { generateName: 'pod-', namespace, annotations: { ...annotations } },
    spec: { automountServiceAccountToken: false, containers: [container('app')], ...spec } as Pod['spec'],
  };
}

const own: PodVolume = { name: 'certs', csi: { driver: 'csi.certmount.io', readOnly: true } };

describe('injection', { timeout: 120_000 }, () => {
  let cluster: ControlPlane;
  let client: KubeClient;
  /** Whether the policies work, and the pods are those that the settings of the component make. */
  let isAtWork = false;

  before(async () => {
    cluster = await startControlPlane();
    client = new KubeClient(
      { connection: await cluster.connection('admin'), userAgent: 'certmount-test' },
      { clock: systemClock, random: Math.random },
    );
    const overlay = writeOverlay(cluster.dir, 'deploy', ['inject']);
    await cluster.applyPath(overlay);
    await createNamespace('web', {});
    await createNamespace(
      'mesh',
      inject({ 'issuer-name': 'mesh', 'issuer-kind': 'ClusterIssuer', 'dns-names': '${POD_NAME}.mesh' }),
    );
    // Policies work a moment after they are written, once the API server's own watch has them.
    await eventually('the policies to work', async () =>
      (await refusal(pod(inject({}, 'maybe')))) === undefined ? undefined : true,
    );
    await eventually('the mutation to work', async () =>
      volumeOf(await create(pod(inject()))) === undefined ? undefined : true,
    );
    isAtWork = true;
  });
  after(async () => {
    client?.close();
    await cluster?.stop();
  });

  const namespaceAnnotations = new Map<string, Annotations>();
  let injection = usualInjection;

  /** What `certmount policy test` says of the pod, which must be what the API server does. */
  function foretold(wanted: Pod): Admission {
    return admitPod(wanted, namespaceAnnotations.get(wanted.metadata.namespace ?? '') ?? {}, injection);
  }

  async function createNamespace(name: string, annotations: Annotations): Promise<void> {
    namespaceAnnotations.set(name, annotations);
    await client.resource(namespaces).create({ metadata: { name, annotations: { ...annotations } } });
    await eventually('the service account', () =>
      cluster.kubectl(['get', 'serviceaccount', '-n', name, 'default']),
    );
  }

  /** Stored for real: what is asked of a dry run only would miss the API's own validation of volumes and mounts. */
  async function create(wanted: Pod): Promise<Pod> {
    const made = await client.resource(pods).create(wanted);
    if (isAtWork) {
      const told = foretold(wanted);
      assert.ok(told.outcome === 'admitted', JSON.stringify(told));
      assert.deepEqual(
        [volumeOf(told.pod)?.csi?.driver, attributesOf(told.pod)],
        [volumeOf(made)?.csi?.driver, attributesOf(made)],
      );
    }
    return made;
  }

  async function refusal(wanted: Pod): Promise<string | undefined> {
    try {
      await create(wanted);
      return undefined;
    } catch (error) {
      const { message } = error as KubeError;
      const told = foretold(wanted);
      assert.ok(told.outcome === 'refused' && message.includes(told.message), JSON.stringify(told));
      return message;
    }
  }

  const volumeOf = (made: Pod): PodVolume | undefined =>
    made.spec.volumes?.find(({ name }) => name === 'certmount-identity');
  const attributesOf = (made: Pod): Record<string, string> => volumeOf(made)?.csi?.volumeAttributes ?? {};
  const containersOf = (made: Pod): readonly TestContainer[] => made.spec.containers as TestContainer[];

  it('gives a pod the volume, and each container the mount and the environment', async () => {
    const made = await create(
      pod(inject({ 'issuer-name': 'mesh' }), {
        initContainers: [container('init'), { ...container('sidecar'), restartPolicy: 'Always' }],
        containers: [
          container('app', { env: [{ name: 'A', value: '1' }] }),
          container('other', { volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
        ],
        volumes: [{ name: 'data', emptyDir: {} }],
      }),
    );
    assert.deepEqual(volumeOf(made)?.csi, {
      driver: 'csi.certmount.io',
      readOnly: true,
      volumeAttributes: { 'issuer-name': 'mesh', preset: 'spiffe' },
    });
    assert.deepEqual(
      made.spec.volumes?.map(({ name }) => name),
      ['data', 'certmount-identity'],
    );
    const [app, other] = containersOf(made);
    assert.deepEqual(app?.env, [folder, { name: 'A', value: '1' }]);
    assert.deepEqual(app?.volumeMounts, [injected]);
    assert.deepEqual(other?.env, [folder]);
    assert.deepEqual(other?.volumeMounts, [{ name: 'data', mountPath: '/data' }, injected]);
    const init = (made.spec.initContainers ?? []) as TestContainer[];
    assert.deepEqual(
      init.map(({ env, name, volumeMounts }) => ({ env, name, volumeMounts })),
      ['init', 'sidecar'].map((name) => ({ env: [folder], name, volumeMounts: [injected] })),
    );
  });

  it('leaves alone whoever does not ask', async () => {
    for (const annotations of [{}, inject({}, 'false'), inject({ preset: 'istio' }, 'false')]) {
      const made = await create(pod(annotations));
      assert.deepEqual(made.spec.volumes ?? [], []);
      assert.deepEqual(containersOf(made)[0]?.env, undefined);
    }
  });

  it('asks for all pods of a namespace, but for those that say no', async () => {
    const made = await create(pod({}, {}, 'mesh'));
    assert.deepEqual(attributesOf(made), {
      'issuer-name': 'mesh',
      'issuer-kind': 'ClusterIssuer',
      'dns-names': '${POD_NAME}.mesh',
      preset: 'spiffe',
    });
    assert.equal(volumeOf(await create(pod(inject({}, 'false'), {}, 'mesh'))), undefined);
  });

  it("takes the pod's settings before those of the namespace, and an issuer as a whole", async () => {
    const made = await create(
      pod({ 'certmount.io/inject-issuer-name': 'local', 'certmount.io/inject-duration': '2h' }, {}, 'mesh'),
    );
    assert.deepEqual(attributesOf(made), {
      'issuer-name': 'local',
      duration: '2h',
      'dns-names': '${POD_NAME}.mesh',
      preset: 'spiffe',
    });
    const bare = await create(pod({ 'certmount.io/inject-dns-names': '' }, {}, 'mesh'));
    assert.equal(attributesOf(bare)['dns-names'], undefined, 'an empty one takes away');
  });

  it('mounts at the usual path where an empty one takes that of the namespace away', async () => {
    await createNamespace('elsewhere', inject({ 'mount-path': '/identity' }));
    const mounts = async (annotations: Annotations) => {
      const [made] = containersOf(await create(pod(annotations, {}, 'elsewhere')));
      return [made?.volumeMounts, made?.env];
    };
    assert.deepEqual(await mounts({}), [
      [{ ...injected, mountPath: '/identity' }],
      [{ ...folder, value: '/identity' }],
    ]);
    assert.deepEqual(await mounts({ 'certmount.io/inject-mount-path': '' }), [[injected], [folder]]);
  });

  it("has the driver's own file names with an empty preset, and no variable for others", async () => {
    const made = await create(pod(inject({ preset: '' })));
    assert.deepEqual(attributesOf(made), {});
    assert.deepEqual(containersOf(made)[0]?.env, undefined);
    assert.deepEqual(containersOf(made)[0]?.volumeMounts, [injected]);
  });

  it("puts its variables before the container's own, which can refer to them", async () => {
    const file = { name: 'KEY', value: '$(SPIFFE_CREDENTIAL_FOLDER)/credential-bundle.private-key.pem' };
    const spec = { containers: [container('app', { env: [file] }), container('bare')] };
    const [app, bare] = containersOf(await create(pod(inject({ 'workload-api': 'true' }), spec)));
    assert.deepEqual(app?.env, [folder, socket, file]);
    assert.deepEqual(bare?.env, [folder, socket]);
  });

  it('makes an attribute of every setting that is one', async () => {
    const settings = {
      'issuer-name': 'corp',
      'issuer-kind': 'CorpIssuer',
      'issuer-group': 'corp.example',
      'common-name': 'app',
      'dns-names': 'a.web, b.web',
      duration: '1h30m',
      'renew-before': '20m',
      'key-algorithm': 'RSA',
      'key-size': '3072',
      'key-encoding': 'PKCS1',
      preset: 'cert-manager',
      'fs-group': '4000',
      'trust-bundle': 'company',
      'federated-bundles': 'partner,other',
      'spiffe-bundle-file': 'bundle.json',
      'workload-api': 'true',
    };
    const made = await create(pod(inject({ ...settings, 'mount-path': '/identity' })));
    assert.deepEqual(attributesOf(made), settings);
    assert.deepEqual(containersOf(made)[0]?.volumeMounts, [{ ...injected, mountPath: '/identity' }]);
    assert.deepEqual(
      containersOf(made)[0]?.env,
      [{ name: 'SPIFFE_ENDPOINT_SOCKET', value: 'unix:///identity/workload-api.sock' }],
      'files of another preset are not where SPIFFE_CREDENTIAL_FOLDER says',
    );
  });

  it('takes variables where the attributes take them', async () => {
    const settings = {
      'issuer-name': '${SERVICE_ACCOUNT_NAME}-ca',
      'trust-bundle': '$POD_NAMESPACE',
      'federated-bundles': 'partner, ${POD_NAMESPACE}.peers-${NODE_NAME}',
      'spiffe-bundle-file': '${TRUST_DOMAIN}.json',
    };
    assert.deepEqual(attributesOf(await create(pod(inject(settings)))), { ...settings, preset: 'spiffe' });
    await createNamespace('varied', inject(settings));
    assert.equal(attributesOf(await create(pod({}, {}, 'varied')))['issuer-name'], settings['issuer-name']);
  });

  it("gives the files to the group of the pod's processes where there is no fsGroup", async () => {
    const attributes = async (securityContext: object): Promise<string | undefined> =>
      attributesOf(await create(pod(inject(), { securityContext })))['fs-group'];
    assert.equal(await attributes({ runAsUser: 1000, runAsGroup: 3000 }), '3000');
    assert.equal(await attributes({ runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000 }), undefined);
    assert.equal(await attributes({ runAsUser: 1000 }), undefined);
  });

  it('takes the group of the containers where all of them that are injected have one', async () => {
    const group = async (
      groups: readonly (number | undefined)[],
      ofPod: object = {},
      settings: Annotations = {},
    ): Promise<string | undefined> => {
      const containers = groups.map((runAsGroup, index) => ({
        ...container(`c${index}`),
        ...(runAsGroup !== undefined && { securityContext: { runAsGroup } }),
      }));
      const [init, ...others] = containers;
      const spec = { initContainers: [init], containers: others, securityContext: ofPod };
      return attributesOf(await create(pod(inject(settings), spec)))['fs-group'];
    };
    assert.equal(await group([3000, 3000, 3000]), '3000');
    assert.equal(await group([3000, 3000, 4000]), undefined);
    assert.equal(await group([3000, 3000, undefined]), undefined);
    assert.equal(await group([4000, 3000, 3000], {}, { 'exclude-containers': 'c0' }), '3000');
    assert.equal(await group([3000, 3000], { fsGroup: 2000 }), undefined);
    assert.equal(await group([4000, 4000], { runAsGroup: 3000 }), '4000');
    assert.equal(await group([4000, undefined], { runAsGroup: 3000 }), '3000');
    assert.equal(await group([0, 0]), undefined);
  });

  it('passes over the containers that are left out', async () => {
    const made = await create(
      pod(inject({ 'exclude-containers': 'proxy, init' }), {
        initContainers: [container('init')],
        containers: [container('proxy'), container('app')],
      }),
    );
    const mounted = [...containersOf(made), ...(made.spec.initContainers as TestContainer[])].filter(
      ({ env, volumeMounts }) => env !== undefined || volumeMounts !== undefined,
    );
    assert.deepEqual(
      mounted.map(({ name }) => name),
      ['app'],
    );
  });

  it('takes no container for left out that the pod does not have, but for all pods of a namespace', async () => {
    const message =
      'certmount.io/inject-exclude-containers: "prxy" must be a container of the pod: there are app, proxy, init';
    const spec = { containers: [container('app'), container('proxy')], initContainers: [container('init')] };
    assert.ok((await refusal(pod(inject({ 'exclude-containers': 'init,prxy' }), spec)))?.includes(message));
    await createNamespace('sidecars', inject({ 'exclude-containers': 'proxy,other' }));
    const made = await create(pod({}, spec, 'sidecars'));
    assert.deepEqual(
      containersOf(made).map(({ volumeMounts }) => volumeMounts?.length ?? 0),
      [1, 0],
    );
  });

  it('lets pods for Windows be where their namespace asks, and refuses those that ask themselves', async () => {
    const windows = [{ os: { name: 'windows' } }, { nodeSelector: { 'kubernetes.io/os': 'windows' } }];
    for (const spec of windows) {
      const made = await create(pod({}, spec, 'mesh'));
      assert.deepEqual([volumeOf(made), containersOf(made)[0]?.volumeMounts], [undefined, undefined]);
      assert.match(
        (await refusal(pod(inject(), spec))) ?? 'created',
        /certmount\.io\/inject: the pod is for Windows, where the driver does not run: it must be "false" or left out/,
      );
    }
    assert.ok(volumeOf(await create(pod({}, { os: { name: 'linux' } }, 'mesh'))) !== undefined);
  });

  describe('never injects twice:', () => {
    it('a pod that brings a volume of the driver keeps that one alone', async () => {
      const made = await create(pod(inject(), { volumes: [own] }));
      assert.deepEqual(made.spec.volumes, [own]);
      assert.deepEqual(containersOf(made)[0]?.volumeMounts, undefined);
    });

    it('one of the usual name gets the mount, and the variables that its own files and socket have', async () => {
      const made = async (volumeAttributes: Record<string, string>, settings: Annotations = {}) => {
        const csi = { driver: 'csi.certmount.io', readOnly: true, volumeAttributes };
        const volumes = [{ name: 'certmount-identity', csi }];
        const stored = await create(pod(inject(settings), { volumes }));
        assert.deepEqual(attributesOf(stored), volumeAttributes);
        const [app] = containersOf(stored);
        assert.deepEqual(app?.volumeMounts, [injected]);
        return app?.env;
      };
      assert.deepEqual(await made({ preset: 'istio' }), undefined);
      assert.deepEqual(await made({ 'issuer-name': 'mesh' }, { 'workload-api': 'true' }), undefined);
      for (const preset of ['preset', 'csi.certmount.io/preset', 'csi.cert-manager.io/preset'])
        assert.deepEqual(await made({ [preset]: ' Spiffe ' }, { preset: 'istio' }), [folder]);
      const both = { 'csi.certmount.io/workload-api': 'true', preset: 'spiffe' };
      assert.deepEqual(await made(both), [folder, socket]);
    });

    it('what was injected comes out the same when it comes in again', async () => {
      const once = await create(
        pod(inject({ 'workload-api': 'true' }), { initContainers: [container('init')] }),
      );
      const twice = await create({
        metadata: { generateName: 'pod-', namespace: 'web', annotations: once.metadata.annotations ?? {} },
        spec: once.spec,
      });
      assert.deepEqual(twice.spec, once.spec);
    });

    it('a container with a mount at the path, or a variable of the name, keeps it', async () => {
      const mine = { name: 'data', mountPath: `${path}/` };
      const value = { name: 'SPIFFE_CREDENTIAL_FOLDER', value: '/mine' };
      const made = await create(
        pod(inject(), {
          containers: [container('mounted', { volumeMounts: [mine] }), container('told', { env: [value] })],
          volumes: [{ name: 'data', emptyDir: {} }],
        }),
      );
      const [mounted, told] = containersOf(made);
      assert.deepEqual([mounted?.volumeMounts, mounted?.env], [[mine], undefined]);
      assert.deepEqual([told?.volumeMounts, told?.env], [[injected], [value]]);
    });
  });

  it('refuses what cannot be meant, with the annotation, its value and what is allowed', async () => {
    const table: readonly (readonly [Annotations, RegExp])[] = [
      [inject({}, 'True'), /certmount\.io\/inject: "True" must be "true" or "false"/],
      [inject({}, ''), /certmount\.io\/inject: "" must be "true" or "false"/],
      [inject({ 'isuer-name': 'mesh' }), /inject-isuer-name is not known: .*issuer-name, issuer-kind/],
      [{ 'certmount.io/injected': 'true' }, /certmount\.io\/injected is not known/],
      [inject({ preset: 'spire' }), /inject-preset: "spire" must be one of spiffe, cert-manager, istio, gke/],
      [inject({ 'workload-api': 'yes' }), /inject-workload-api: "yes" must be one of true, false/],
      [inject({ 'key-algorithm': 'DSA' }), /inject-key-algorithm: "DSA" must be one of ecdsa, rsa, ed25519/],
      [inject({ 'issuer-name': '${name}-ca' }), /inject-issuer-name: .* must be the name of an issuer/],
      [inject({ 'issuer-name': 'ca-$' }), /inject-issuer-name: "ca-\$" must be the name of an issuer/],
      [inject({ 'issuer-name': '-${POD_NAME}' }), /inject-issuer-name: .* must be the name of an issuer/],
      [
        inject({ 'issuer-name': 'mesh', 'issuer-kind': '${POD_NAME}' }),
        /inject-issuer-kind: .* must be a kind/,
      ],
      [inject({ 'trust-bundle': '${POD_NAME' }), /inject-trust-bundle: .* must be the name of a Bundle/],
      [inject({ 'federated-bundles': 'a,$${b}' }), /inject-federated-bundles: .* must be names of Bundles/],
      [inject({ duration: '1 day' }), /inject-duration: "1 day" must be a duration, as in 12h/],
      [inject({ 'mount-path': 'certs' }), /inject-mount-path: "certs" must be an absolute path/],
      [inject({ 'mount-path': '/certs/../etc' }), /inject-mount-path: .* must be an absolute path/],
      [inject({ 'mount-path': '/' }), /inject-mount-path: "\/" must be an absolute path/],
      [inject({ 'fs-group': '0' }), /inject-fs-group: "0" must be a group id/],
      [inject({ 'key-size': '1024' }), /inject-key-size: "1024" must be 256, 384 or 521/],
      [
        inject({ 'issuer-kind': 'ClusterIssuer' }),
        /-issuer-kind and -issuer-group need certmount.io\/inject-issuer-name/,
      ],
      [
        inject({ 'exclude-containers': 'a b' }),
        /inject-exclude-containers: "a b" must be names of containers/,
      ],
    ];
    for (const [annotations, message] of table) {
      const said = await refusal(pod(annotations));
      assert.match(said ?? 'created', message);
      const [name = '', value = ''] = Object.entries(annotations).at(-1) ?? [];
      const annotated = cluster.kubectl(['annotate', '--overwrite', 'namespace', 'web', `${name}=${value}`]);
      await assert.rejects(annotated, message, 'and on a namespace');
    }
  });

  it('refuses a pod that would come out without an identity', async () => {
    const taken = pod(inject(), { volumes: [{ name: 'certmount-identity', emptyDir: {} }] });
    assert.match(
      (await refusal(taken)) ?? '',
      /has a volume named certmount-identity that is not of the driver/,
    );
  });

  it('lets the namespaces that the cluster needs be, whatever is annotated', async () => {
    await cluster.kubectl(['annotate', 'namespace', 'kube-system', 'certmount.io/inject=maybe']);
    const made = await create(pod(inject({ preset: 'none' }), {}, 'kube-system'));
    assert.equal(volumeOf(made), undefined);
  });

  it('lets a namespace that was annotated before be changed, until its annotations are', async () => {
    const label = ['label', '--overwrite', 'namespace', 'mesh', 'team=a'];
    await cluster.kubectl(label);
    await cluster.kubectl(['annotate', 'namespace', 'web', 'example.com/other=1']);
  });

  it('warns whoever annotates a workload in the place of its pods', async () => {
    const labels = { app: 'web' };
    const workload = (
      kind: string,
      annotations: Annotations,
      ofPods: Annotations,
      volumes: object[] = [],
    ) => {
      const spec = {
        containers: [container('app')],
        volumes,
        restartPolicy: kind === 'Deployment' ? 'Always' : 'Never',
      };
      const template = { metadata: { labels, annotations: ofPods }, spec };
      return {
        apiVersion: kind === 'Deployment' ? 'apps/v1' : 'batch/v1',
        kind,
        metadata: { name: 'web', namespace: 'web', annotations },
        spec:
          kind === 'CronJob'
            ? { schedule: '@daily', jobTemplate: { spec: { template } } }
            : { template, ...(kind === 'Deployment' && { selector: { matchLabels: labels } }) },
      };
    };
    const warnings = async (object: object): Promise<string> => {
      const file = join(mkdtempSync(join(cluster.dir, 'warned-')), 'object.json');
      writeFileSync(file, JSON.stringify(object));
      const { stderr } = await promisify(execFile)(
        cluster.record.state.kubectl ?? assert.fail('no kubectl'),
        ['apply', '--dry-run=server', '-f', file],
        { env: { ...process.env, HOME: cluster.dir, KUBECONFIG: cluster.adminKubeconfig } },
      );
      return stderr;
    };
    await eventually('the policy to work', async () =>
      (await warnings(workload('Deployment', inject(), {}))) === '' ? undefined : true,
    );
    assert.match(
      await warnings(workload('Deployment', inject(), {})),
      /certmount\.io\/inject has no effect here: it must be under spec\.template\.metadata\.annotations/,
    );
    assert.match(
      await warnings(workload('CronJob', inject(), {})),
      /certmount\.io\/inject has no effect here: it must be under spec\.jobTemplate\.spec\.template\.metadata\.annotations/,
    );
    assert.match(
      await warnings(workload('Job', inject({ duration: '1h' }), inject())),
      /certmount\.io\/inject-duration has no effect here/,
    );
    assert.equal(await warnings(workload('Deployment', inject(), inject())), '');
    assert.equal(await warnings(workload('Deployment', {}, {})), '');
    assert.equal(
      await warnings(workload('Deployment', inject(), {}, [own])),
      '',
      'it has the volume already',
    );
  });

  it("mounts at the usual path where the cluster's defaults have none", async () => {
    const policy = ['mutatingadmissionpolicy', 'certmount-inject'];
    const patch = (expression: string): Promise<string> =>
      cluster.kubectl([
        ...['patch', ...policy, '--type=json', '-p'],
        JSON.stringify([{ op: 'replace', path: '/spec/variables/1/expression', value: expression }]),
      ]);
    const usual = await cluster.kubectl(['get', ...policy, '-o', 'jsonpath={.spec.variables[1].expression}']);
    isAtWork = false;
    await patch("{'issuer-name': 'cluster', 'issuer-kind': 'ClusterIssuer'}");
    const made = await eventually('the defaults to work', async () => {
      const tried = await create(pod(inject()));
      return attributesOf(tried)['issuer-name'] === 'cluster' ? tried : undefined;
    });
    assert.deepEqual(containersOf(made)[0]?.volumeMounts, [injected]);
    const stored = JSON.parse(await cluster.kubectl(['get', ...policy, '-o', 'json'])) as KubeObject;
    injection = readInjection([{ path: 'cluster', object: stored }], []);
    isAtWork = true;
    await create(pod(inject({ duration: '1h' })));
    isAtWork = false;
    injection = usualInjection;
    await patch(usual);
    await eventually('the usual defaults', async () =>
      attributesOf(await create(pod(inject())))['issuer-name'] === undefined ? true : undefined,
    );
    isAtWork = true;
  });

  it("stays within the API server's budget for a pod of the largest size", async () => {
    const many = Array.from({ length: 60 }, (_, index) => ({
      ...container(`c${index}`),
      env: Array.from({ length: 60 }, (__, at) => ({ name: `V${at}`, value: 'x' })),
      volumeMounts: Array.from({ length: 20 }, (__, at) => ({ name: `v${at}`, mountPath: `/v${at}` })),
    }));
    const volumes = Array.from({ length: 20 }, (_, at) => ({ name: `v${at}`, emptyDir: {} }));
    const made = await create(pod(inject(), { containers: many, volumes }));
    assert.ok(containersOf(made).every(({ volumeMounts }) => volumeMounts?.at(-1)?.mountPath === path));
  });

  describe('by kustomize, for clusters that cannot', () => {
    const labels = { app: 'web' };

    /** Such as the API server takes. */
    const workload = (
      kind: string,
      { spec }: { readonly spec: object },
      annotations: Annotations,
    ): KubeObject & { spec: object } => {
      const isJob = kind === 'Job' || kind === 'CronJob';
      const restartPolicy = isJob ? 'Never' : 'Always';
      const template = { metadata: { labels }, spec: { restartPolicy, ...spec } };
      return {
        apiVersion: isJob ? 'batch/v1' : 'apps/v1',
        kind,
        metadata: { name: kind.toLowerCase(), namespace: 'web', annotations },
        spec:
          kind === 'CronJob'
            ? { schedule: '@daily', jobTemplate: { spec: { template } } }
            : { template, ...(!isJob && { selector: { matchLabels: labels } }) },
      };
    };

    async function build(objects: readonly object[]): Promise<Map<string, PodTemplate>> {
      const text = await buildText(objects);
      return new Map(
        parseAllDocuments(text).map((document) => {
          const { kind, spec } = document.toJS() as { kind: string; spec: Workload };
          return [kind, (spec.jobTemplate?.spec ?? spec).template ?? assert.fail(kind)];
        }),
      );
    }

    async function buildText(objects: readonly object[], more: object = {}): Promise<string> {
      const folder = mkdtempSync(join(cluster.dir, 'kustomize-'));
      objects.forEach((object, index) =>
        writeFileSync(join(folder, `${index}.yaml`), JSON.stringify(object)),
      );
      const component = relative(folder, join(root, 'deploy/components/inject-kustomize'));
      const kustomization = {
        resources: objects.map((_, index) => `${index}.yaml`),
        components: [component],
        ...more,
      };
      writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
      return await cluster.kubectl(['kustomize', folder]);
    }

    interface PodTemplate {
      readonly spec: Pod['spec'] & { containers: TestContainer[] };
    }
    interface Workload {
      readonly template?: PodTemplate;
      readonly jobTemplate?: { readonly spec: { readonly template: PodTemplate } };
    }

    const asked = { 'certmount.io/inject': 'true' };
    const bare = { spec: { containers: [container('app')] } };

    it('gives annotated workloads what the policy gives pods, and keeps what they have', async () => {
      const own = { name: 'data', mountPath: '/data' };
      const full = {
        spec: {
          initContainers: [container('init')],
          containers: [container('app', { volumeMounts: [own], env: [{ name: 'A', value: '1' }] })],
          volumes: [{ name: 'data', emptyDir: {} }],
        },
      };
      const annotations = { ...asked, 'certmount.io/inject-init-containers': 'true' };
      const built = await build([
        workload('Deployment', full, annotations),
        workload('StatefulSet', bare, asked),
        workload('CronJob', bare, asked),
        workload('DaemonSet', bare, {}),
      ]);
      const { containers, initContainers, volumes } = built.get('Deployment')?.spec ?? assert.fail();
      assert.deepEqual(volumes?.at(-1)?.csi, {
        driver: 'csi.certmount.io',
        readOnly: true,
        volumeAttributes: { preset: 'spiffe' },
      });
      assert.deepEqual(volumes?.length, 2);
      assert.deepEqual(containers[0]?.volumeMounts, [own, injected]);
      assert.deepEqual(containers[0]?.env, [{ name: 'A', value: '1' }, folder]);
      assert.deepEqual(initContainers?.[0]?.volumeMounts, [injected]);
      for (const kind of ['StatefulSet', 'CronJob']) {
        const { spec } = built.get(kind) ?? assert.fail(kind);
        assert.deepEqual([spec.containers[0]?.volumeMounts, spec.containers[0]?.env], [[injected], [folder]]);
        assert.equal(spec.volumes?.[0]?.csi?.driver, 'csi.certmount.io');
      }
      assert.deepEqual(built.get('DaemonSet')?.spec.volumes, undefined, 'one that does not ask');
      assert.deepEqual([...built.keys()].toSorted(), ['CronJob', 'DaemonSet', 'Deployment', 'StatefulSet']);
    });

    it('makes what the API server takes, with the patch of the document', async () => {
      const patches = (examplesOf('docs/inject.md') as { patches?: object[] }[])
        .flatMap((example) => example.patches ?? [])
        .filter((patch) => JSON.stringify(patch).includes('annotationSelector'));
      assert.equal(patches.length, 1);
      const kinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'];
      const text = await buildText(
        kinds.map((kind) => workload(kind, bare, asked)),
        { patches },
      );
      const applied = await cluster.kubectl(['apply', '--dry-run=server', '-o', 'json', '-f', '-'], text);
      const { items } = JSON.parse(applied) as { items: { kind: string; spec: Workload }[] };
      assert.deepEqual(items.map(({ kind }) => kind).toSorted(), kinds.toSorted());
      for (const { kind, spec } of items) {
        const { spec: made } = (spec.jobTemplate?.spec ?? spec).template ?? assert.fail(kind);
        assert.deepEqual(made.containers[0]?.volumeMounts, [injected], kind);
        assert.deepEqual(made.volumes?.[0]?.csi, {
          driver: 'csi.certmount.io',
          readOnly: true,
          volumeAttributes: {
            preset: 'spiffe',
            ...(kind === 'Deployment' && { 'issuer-name': 'mesh', 'issuer-kind': 'ClusterIssuer' }),
          },
        });
      }
    });

    it('passes over what is no workload, and workloads of others', async () => {
      const annotated = { metadata: { name: 'web', namespace: 'web', annotations: asked } };
      const others = [
        { apiVersion: 'v1', kind: 'Service', ...annotated, spec: { ports: [{ port: 80 }] } },
        { apiVersion: 'v1', kind: 'ConfigMap', ...annotated, data: { a: 'b' } },
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web', annotations: asked } },
        { apiVersion: 'batch.volcano.sh/v1alpha1', kind: 'Job', ...annotated, spec: { tasks: [] } },
      ];
      const text = await buildText([...others, workload('Deployment', bare, asked)]);
      const made = parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
      for (const other of others)
        assert.deepEqual(
          made.find(({ apiVersion, kind }) => apiVersion === other.apiVersion && kind === other.kind),
          other,
        );
    });

    it('replaces a variable whose value comes from elsewhere', async () => {
      const variable = {
        name: folder.name,
        valueFrom: { fieldRef: { fieldPath: 'metadata.name' } },
      } as unknown as typeof folder;
      const spec = { containers: [container('app', { env: [variable] })] };
      const built = await build([workload('Deployment', { spec }, asked)]);
      assert.deepEqual(built.get('Deployment')?.spec.containers[0]?.env, [folder]);
    });
  });
});
