import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pod, policy, run, volume } from './support/run-policy-test.ts';

describe('certmount policy test', () => {
  it('says what a pod asks for, and that the default policy allows it', async () => {
    const { code, out } = await run(
      { 'pod.yaml': pod({ 'dns-names': '${POD_NAME}.${POD_NAMESPACE}' }) },
      '-f',
      'pod.yaml',
    );
    assert.equal(code, 0);
    assert.equal(
      out,
      `Pod web/api, volume tls: approved by certmount-default
  issuer         Issuer.cert-manager.io/ca
  requester      system:serviceaccount:web:api
  uris           spiffe://cluster.local/ns/web/sa/api
  dnsNames       api.web
  usages         digital signature, server auth, client auth
  duration       24h0m0s
  key            ECDSA 256
`,
    );
  });

  it('says of what is denied which name, which rule, and what to do', async () => {
    const { code, out } = await run({ p: pod({ 'dns-names': 'www.example.org,api.web' }) }, '-f', 'p');
    assert.equal(code, 1);
    assert.match(out, /^Pod web\/api, volume tls: denied$/m);
    assert.match(
      out,
      /dnsNames "www\.example\.org": must be a name of the pod .* \(spec\.allowed\.dnsNames\.validations\[1\]\)/,
    );
    assert.doesNotMatch(out, /dnsNames "api\.web"/);
    assert.match(out, /To have it: .* system:serviceaccount:web:api "use" a CertificateRequestPolicy/);
  });

  it('says what the driver would refuse', async () => {
    const { code, out } = await run({ p: pod({ 'dns-nmes': 'x' }) }, '-f', 'p');
    assert.equal(code, 1);
    assert.match(
      out,
      /refused by the driver\n {2}unknown volume attribute "dns-nmes": did you mean dns-names\?/,
    );
  });

  it('knows the services beside the pod, and those of further files', async () => {
    const service = (name: string): string =>
      JSON.stringify({
        kind: 'Service',
        metadata: { name, namespace: 'web' },
        spec: { selector: { app: 'api' } },
      });
    const files = {
      p: `${pod({ 'dns-names': 'one.web.svc,two.web' })}\n---\n${service('one')}`,
      s: service('two'),
    };
    assert.equal((await run(files, '-f', 'p')).code, 1);
    assert.equal((await run(files, '-f', 'p', '--service', 's')).code, 0);
  });

  it("lets a pod have its own address, whatever it will be, and no other's", async () => {
    const start = { start: 'without-certificate' };
    assert.equal((await run({ p: pod({ ...start, 'ip-sans': '${POD_IP}' }) }, '-f', 'p')).code, 0);
    assert.equal((await run({ p: pod({ ...start, 'ip-sans': '10.0.0.1' }) }, '-f', 'p')).code, 1);
  });

  it('lets a pod have the name of its node in its own, whichever it will be', async () => {
    const attributes = { 'dns-names': '${NODE_NAME}.web.svc.cluster.local' };
    const { code, out } = await run({ p: pod(attributes) }, '-f', 'p');
    assert.equal(code, 0, out);
    assert.match(out, /dnsNames +node-1\.web\.svc\.cluster\.local/);
    const placed = await run({ p: pod(attributes, { nodeName: 'b' }) }, '-f', 'p');
    assert.match(placed.out, /dnsNames +b\.web\.svc/);
  });

  it('takes the trust domain and the cluster domain of the cluster', async () => {
    const attributes = { 'dns-names': 'db.web.svc.example.org' };
    assert.equal((await run({ p: pod(attributes) }, '-f', 'p')).code, 1);
    const { code, out } = await run(
      { p: pod(attributes) },
      '-f',
      'p',
      '--cluster-domain',
      'example.org',
      '--trust-domain',
      'td.example',
    );
    assert.equal(code, 0, out);
    assert.match(out, /spiffe:\/\/td\.example\/ns\/web\/sa\/api/);
  });

  it('reads every kind of workload, and lists of them', async () => {
    const template = {
      metadata: { labels: { app: 'api' } },
      spec: { volumes: [volume({ 'dns-names': '${POD_NAME}.web' })] },
    };
    const metadata = { name: 'api', namespace: 'web' };
    const kinds = ['Deployment', 'ReplicaSet', 'ReplicationController', 'StatefulSet', 'DaemonSet', 'Job'];
    const items: object[] = kinds.map((kind) => ({ kind, metadata, spec: { template, serviceName: 'api' } }));
    items.push({ kind: 'CronJob', metadata, spec: { jobTemplate: { spec: { template } } } });
    items.push({ kind: 'PodTemplate', metadata, template }, { kind: 'ConfigMap', metadata });
    const { code, out } = await run({ all: JSON.stringify({ kind: 'List', items }) }, '-f', 'all');
    assert.equal(code, 0, out);
    assert.deepEqual(
      [...out.matchAll(/^(\w+) web\/api, volume tls: approved/gm)].map(([, kind]) => kind),
      [...kinds, 'CronJob', 'PodTemplate'],
    );
    assert.match(out, /requester +system:serviceaccount:web:default/);
  });

  it('knows the host name of a pod of a StatefulSet', async () => {
    const set = {
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace: 'web' },
      spec: {
        serviceName: 'peers',
        template: { spec: { volumes: [volume({ 'dns-names': 'db-0.peers.web.svc' })] } },
      },
    };
    assert.equal((await run({ p: JSON.stringify(set) }, '-f', 'p')).code, 0);
  });

  it('lets a Service select what controllers alone write on their pods', async () => {
    const asked = (name: string): object => ({ spec: { volumes: [volume({ 'dns-names': name })] } });
    const workload = (kind: string, spec: object): object => ({
      kind,
      metadata: { name: 'db', namespace: 'web' },
      spec,
    });
    const statefulSet = (name: string): object =>
      workload('StatefulSet', { serviceName: 'peers', ordinals: { start: 5 }, template: asked(name) });
    const job = (more: object, name = 'one.web.svc'): object =>
      workload('Job', { ...more, template: asked(name) });
    const cronJob = (name: string): object =>
      workload('CronJob', {
        jobTemplate: { spec: { completionMode: 'Indexed', template: asked(name) } },
      });
    const indexed = { completionMode: 'Indexed' };
    const ofIndex = { 'batch.kubernetes.io/job-completion-index': '0' };
    const table: readonly (readonly [object, selector: Record<string, string>, code: number])[] = [
      [statefulSet('one.web.svc'), { 'statefulset.kubernetes.io/pod-name': 'db-5' }, 0],
      [statefulSet('one.web.svc'), { 'apps.kubernetes.io/pod-index': '5' }, 0],
      [statefulSet('db-5.peers.web.svc'), { app: 'none' }, 0],
      [statefulSet('one.web.svc'), { 'statefulset.kubernetes.io/pod-name': 'other-5' }, 1],
      [job({}), { 'job-name': 'db' }, 0],
      [job({}), { 'batch.kubernetes.io/job-name': 'db' }, 0],
      [job({ manualSelector: true }), { 'job-name': 'db' }, 1],
      [job({}), ofIndex, 1],
      [job(indexed), ofIndex, 0],
      [cronJob('one.web.svc'), { 'job-name': 'db-29000000', ...ofIndex }, 0],
    ];
    for (const [object, selector, expected] of table) {
      const service = { kind: 'Service', metadata: { name: 'one', namespace: 'web' }, spec: { selector } };
      const file = [object, service].map((each) => JSON.stringify(each)).join('\n---\n');
      const { code, out } = await run({ p: file }, '-f', 'p');
      assert.equal(code, expected, `${JSON.stringify(selector)}\n${out}`);
    }
    const peers = { subdomain: 'peers', volumes: [volume({ 'dns-names': 'db-0.peers.web.svc' })] };
    const ofHost = workload('Job', { ...indexed, template: { spec: peers } });
    assert.equal((await run({ p: JSON.stringify(ofHost) }, '-f', 'p')).code, 0);
  });

  it('has the defaults of the driver whose name the volume has', async () => {
    const compatible = pod({}, { volumes: [volume({ 'common-name': 'api.web' }, 'csi.cert-manager.io')] });
    const { code, out } = await run({ p: compatible }, '-f', 'p');
    assert.equal(code, 0, out);
    assert.match(out, /duration +2160h0m0s\n {2}key +RSA 2048/);
    const none = await run({ p: pod({}, { volumes: [volume({}, 'csi.example.org')] }) }, '-f', 'p');
    assert.equal(none.code, 3);
    assert.match(none.err, /^p: no pod has a volume of csi\.certmount\.io, csi\.cert-manager\.io/);
  });

  it('counts the volumes of a driver of any name', async () => {
    const file = { p: pod({}, { volumes: [volume({}, 'csi.example.org'), volume({})] }) };
    const { code, out } = await run(file, '-f', 'p', '--driver-names', 'csi.example.org');
    assert.deepEqual([code, out.match(/approved/g)?.length], [0, 1], out);
  });

  it('needs an issuer, as the driver does, and takes its defaults', async () => {
    const file = { p: pod({}).replace('"issuer-name":"ca"', '') };
    assert.equal((await run(file, '-f', 'p')).code, 1);
    const mesh = ['--default-issuer-name', 'mesh'];
    const { code, out } = await run(file, '-f', 'p', ...mesh, '--default-duration=1h');
    assert.equal(code, 0);
    assert.match(out, /issuer +ClusterIssuer\.cert-manager\.io\/mesh/);
    assert.match(out, /duration +1h0m0s/);
    const kind = await run(file, '-f', 'p', ...mesh, '--default-issuer-kind=Issuer');
    assert.match(kind.out, /issuer +Issuer\.cert-manager\.io\/mesh/);
    const none = await run(file, '-f', 'p', ...mesh, '--default-issuer-kind=Corp');
    assert.deepEqual([none.code, none.err.split(':')[0]], [64, '--default-issuer-kind']);
  });

  it('reads the manifests of a folder', async () => {
    const folder = { 'apps/b.yaml': pod({}), 'apps/a.json': pod({}), 'apps/notes.md': 'no manifest' };
    const { code, err, out } = await run(folder, '-f', 'apps');
    assert.deepEqual([code, out.match(/approved/g)?.length], [0, 2], err);
    const empty = await run({ 'apps/notes.md': '' }, '-f', 'apps');
    assert.deepEqual([empty.code, empty.err], [3, 'apps: there is no .yaml, .yml or .json file in it\n']);
  });
});

describe('certmount policy test reads a pod as the API server and the driver do:', () => {
  it('a volume that is not read-only is refused', async () => {
    for (const change of [{ readOnly: false }, { readOnly: undefined }, { readOnly: true, fsType: 'ext4' }]) {
      const csi = { driver: 'csi.certmount.io', volumeAttributes: { 'issuer-name': 'ca' }, ...change };
      const { code, out } = await run({ p: pod({}, { volumes: [{ name: 'tls', csi }] }) }, '-f', 'p');
      assert.equal(code, 1, out);
      assert.match(
        out,
        /refused by the driver\n {2}(readonly: must be true|volume_capability.*leave fsType out)/,
      );
    }
  });

  it('a key store without a password is refused', async () => {
    const stores = { 'pkcs12-enable': 'true', 'jks-enable': 'true' };
    const refused =
      /refused by the driver\n {2}nodePublishSecretRef: there is no password for the PKCS#12 key/;
    const bare = await run({ p: pod(stores) }, '-f', 'p');
    assert.equal(bare.code, 1);
    assert.match(bare.out, refused);
    const file = await run({ p: pod({ ...stores, 'keystore-password-file': 'password' }) }, '-f', 'p');
    assert.equal(file.code, 0, file.out);
    const csi = {
      driver: 'csi.certmount.io',
      readOnly: true,
      nodePublishSecretRef: { name: 'keystore' },
      volumeAttributes: { 'issuer-name': 'ca', ...stores },
    };
    const secret = await run({ p: pod({}, { volumes: [{ name: 'tls', csi }] }) }, '-f', 'p');
    assert.equal(secret.code, 0, secret.out);
    const inSpec = { 'pkcs12-enable': 'true', 'pkcs12-password': 'päss\n' };
    const old = pod({}, { volumes: [volume(inSpec, 'csi.cert-manager.io')] });
    assert.match(
      (await run({ p: old }, '-f', 'p')).out,
      /refused by the driver\n {2}pkcs12-password: must not have control characters/,
    );
  });

  it('the older name of the service account counts where the newer is not given', async () => {
    const requester = async (spec: object): Promise<string | undefined> =>
      /requester +(\S+)/.exec((await run({ p: pod({}, spec) }, '-f', 'p')).out)?.[1];
    const older = { serviceAccount: 'old', serviceAccountName: undefined };
    assert.equal(await requester(older), 'system:serviceaccount:web:old');
    assert.equal(await requester({ serviceAccount: 'old' }), 'system:serviceaccount:web:api');
    assert.equal(await requester({ serviceAccountName: '' }), 'system:serviceaccount:web:default');
  });

  it('yes is true, a merge is made, and a null is a field that is not there', async () => {
    const text = `
kind: Pod
metadata: { name: api, namespace: web, labels: null }
spec:
  hostname: ~
  volumes:
    - name: first
      csi: &csi { driver: csi.certmount.io, readOnly: yes, volumeAttributes: { issuer-name: ca } }
    - name: second
      csi: { <<: *csi, volumeAttributes: { issuer-name: other } }
---
kind: Service
metadata: { name: none, namespace: web }
spec: { selector: null }
`;
    const { code, err, out } = await run({ p: text }, '-f', 'p');
    assert.equal(code, 0, out + err);
    assert.match(out, /volume second: approved.*\n {2}issuer +Issuer\.cert-manager\.io\/other/);
  });

  it('objects of other projects are passed over, whatever their kind is called', async () => {
    const volcano = {
      apiVersion: 'batch.volcano.sh/v1alpha1',
      kind: 'Job',
      metadata: { name: 'train', namespace: 'web' },
      spec: { tasks: [{ template: { spec: { volumes: [volume({})] } } }] },
    };
    const kustomization = { kind: 'Kustomization', resources: ['pod.yaml'] };
    const files = {
      p: [volcano, kustomization].map((each) => JSON.stringify(each)).join('\n---\n'),
      good: pod({}),
    };
    const { code, err, out } = await run(files, '-f', 'p', '-f', 'good', '-o', 'json');
    assert.equal(code, 0, err);
    const warning = 'p: Job web/train: pods of a Job.batch.volcano.sh are not looked at';
    assert.equal(err, `${warning}\n`);
    assert.deepEqual((JSON.parse(out) as { warnings: string[] }).warnings, [warning]);
  });
});

describe('certmount policy test with policies', () => {
  const wide = policy('wide', {
    allowed: {
      dnsNames: { values: ['*.example.org'] },
      uris: { values: ['spiffe://*'] },
      usages: ['server auth', 'client auth', 'digital signature'],
    },
  });
  const asking = pod({ 'dns-names': 'www.example.org' });

  it('decides by those that select the request, and by the default one elsewhere', async () => {
    const files = {
      p: asking,
      wide,
      other: wide.replace('"issuerRef":{}', '"namespace":{"matchNames":["prod"]}'),
    };
    const { code, out } = await run(files, '-f', 'p', '--policy', 'wide');
    assert.equal(code, 0);
    assert.match(out, /approved by wide/);
    assert.match((await run(files, '-f', 'p', '--policy', 'other')).out, /certmount-default: dnsNames/);
  });

  it('takes policies that stand among the pods', async () => {
    const { code, out } = await run({ p: `${asking}\n---\n${wide}` }, '-f', 'p');
    assert.deepEqual([code, /approved by wide/.test(out)], [0, true], out);
  });

  it('misses the policies of a file that was named for them', async () => {
    const files = {
      p: asking,
      wide,
      none: pod({}),
      newer: wide.replace('v1alpha1', 'v1'),
      twice: wide.replace('"*.example.org"', '"*"'),
    };
    const refused = async (...argv: string[]): Promise<string> => {
      const { code, err } = await run(files, ...argv);
      assert.equal(code, 3, err);
      return err;
    };
    assert.equal(
      await refused('-f', 'p', '--policy', 'none'),
      '--policy: none: there is no CertificateRequestPolicy in it\n',
    );
    const version =
      'newer: CertificateRequestPolicy wide: apiVersion: "policy.cert-manager.io/v1" must be policy.cert-manager.io/v1alpha1\n';
    assert.equal(await refused('-f', 'p', '--policy', 'newer'), version);
    assert.equal(await refused('-f', 'p', '-f', 'newer'), version);
    assert.equal(
      await refused('-f', 'p', '--policy', 'wide,twice'),
      'twice: CertificateRequestPolicy wide: there is one of this name in wide: CertificateRequestPolicy wide\n',
    );
  });

  it('takes another default policy in the place of its own', async () => {
    const own = wide.replace('"wide"', '"certmount-default"');
    assert.match(
      (await run({ p: asking, own }, '-f', 'p', '--policy', 'own')).out,
      /approved by certmount-default/,
    );
  });

  it('says that nobody decides where none selects the request', async () => {
    const own = policy('certmount-default', { selector: { issuerRef: { name: 'other' } } });
    const { code, out } = await run({ p: asking, own }, '-f', 'p', '--policy', 'own');
    assert.equal(code, 1);
    assert.match(out, /nobody decides\n/);
  });

  it('knows the labels of namespaces that are in the files, and says which it does not know', async () => {
    const labelled = wide.replace('"issuerRef":{}', '"namespace":{"matchLabels":{"team":"a"}}');
    const namespace = JSON.stringify({ kind: 'Namespace', metadata: { name: 'web', labels: { team: 'a' } } });
    const files = { p: asking, labelled, both: `${asking}\n---\n${namespace}` };
    const without = await run(files, '-f', 'p', '--policy', 'labelled');
    assert.equal(without.code, 1);
    assert.match(without.err, /namespace web is in no file/);
    assert.equal((await run(files, '-f', 'both', '--policy', 'labelled')).code, 0);
  });

  it('says what is wrong with a policy', async () => {
    const bad = policy('bad', { allowed: { uris: { validations: [{ rule: 'slef == self' }] } } });
    const { code, err } = await run({ p: asking, bad }, '-f', 'p', '--policy', 'bad');
    assert.equal(code, 3);
    assert.match(
      err,
      /CertificateRequestPolicy bad would not be ready: spec\.allowed\.uris\.validations\[0\]\.rule: .*did you mean self/,
    );
  });

  it('answers programs in JSON', async () => {
    const { code, out } = await run({ p: `${asking}\n---\n${pod({})}` }, '-f', 'p', '-o', 'json');
    assert.equal(code, 1);
    const { version, volumes, warnings } = JSON.parse(out) as {
      version: number;
      volumes: Record<string, unknown>[];
      warnings: string[];
    };
    assert.deepEqual([version, warnings], [1, []]);
    assert.deepEqual(
      volumes.map(({ decision, origin, policy: by, volume: name }) => [origin, name, decision, by]),
      [
        ['Pod web/api', 'tls', 'denied', undefined],
        ['Pod web/api', 'tls', 'approved', 'certmount-default'],
      ],
    );
    const [{ asks } = {}] = volumes;
    assert.ok(typeof asks === 'object' && asks !== null && 'dnsNames' in asks);
    assert.deepEqual(asks.dnsNames, ['www.example.org']);
  });
});

describe('certmount policy test given nonsense', () => {
  it('says what is wrong with the flags', async () => {
    for (const argv of [
      [],
      ['-f'],
      ['-f', 'p', '-o', 'xml'],
      ['--nope'],
      ['-f', 'p', '--trust-domain', 'A B'],
      ['-f', 'p', '--cluster-domain', 'Bad Domain'],
      ['-f', 'p', '--default-duration', '1s'],
      ['-f='],
    ]) {
      const { code, err } = await run({ p: pod({}) }, ...argv);
      assert.equal(code, 64, argv.join(' '));
      assert.match(err, /See certmount policy test --help/);
    }
  });

  it('names the file that it cannot read', async () => {
    const files = { broken: 'a: [', text: 'hello', kindless: '{}', bare: 'kind: Pod', empty: '' };
    for (const path of ['absent', 'broken', 'text', 'kindless', 'bare', 'empty']) {
      const { code, err } = await run(files, '-f', path);
      assert.equal(code, 3, path);
      assert.match(err, new RegExp(`^${path}: `), path);
    }
    const { err } = await run({ p: '{"kind": "Deployment", "metadata": {"name": "api"}}' }, '-f', 'p');
    assert.match(err, /^p: Deployment api: spec: must be given\n/);
  });

  it('names the object and the field of what the API server would not take', async () => {
    const volumes = (list: unknown): string => pod({}, { volumes: list });
    const attribute = (name: string, value: unknown): string =>
      volumes([{ name: 'tls', csi: { driver: 'csi.certmount.io', volumeAttributes: { [name]: value } } }]);
    const of = 'p: Pod web/api: spec.volumes[0].csi.volumeAttributes';
    const table: readonly (readonly [file: string, message: string])[] = [
      [attribute('fs-group', 1000), `${of}.fs-group: 1000 must be a string: quote it`],
      [attribute('is-ca', true), `${of}.is-ca: true must be a string: quote it`],
      [attribute('dns-names', ['a']), `${of}.dns-names: ["a"] must be a string`],
      [volumes({}), 'p: Pod web/api: spec.volumes: {} must be a list'],
      [volumes([null]), 'p: Pod web/api: spec.volumes[0]: null must be an object'],
      [volumes([{ csi: { driver: 'x' } }]), 'p: Pod web/api: spec.volumes[0].name: must be given'],
      ['{"kind": "Service", "metadata": {"name": "s"}, "spec": null}', 'p: Service s: spec: must be given'],
      [
        '{"kind": "Pod", "metadata": {"name": 5}, "spec": {}}',
        'p: Pod 5: metadata.name: 5 must be a string: quote it',
      ],
      ['{"kind": "Namespace", "metadata": {}}', 'p: Namespace : metadata.name: must be given'],
      ['apiVersion: 1\nkind: Pod', 'p: Pod: apiVersion: 1 must be a string: quote it'],
      ['kind: Pod\nmetadata: &a [*a]', 'p: '],
      [aliasBomb(), 'p: Excessive alias count'],
    ];
    for (const [file, message] of table) {
      const { code, err } = await run({ p: file }, '-f', 'p');
      assert.deepEqual([code, err.startsWith(message)], [3, true], `${message}\n${err}`);
    }
  });

  it('holds policies to their schema', async () => {
    const table: readonly (readonly [spec: object, fault: string])[] = [
      [{ allowd: {} }, 'spec.allowd: there is no such field: did you mean allowed?'],
      [{ allowed: { usages: 'client auth' } }, 'spec.allowed.usages: "client auth" must be a list'],
      [{ allowed: { usages: ['client'] } }, 'spec.allowed.usages[0]: "client" must be one of '],
      [{ constraints: { maxDuration: 5 } }, 'spec.constraints.maxDuration: 5 must be a string: quote it'],
      [{ constraints: { maxDuration: '1 day' } }, 'spec.constraints.maxDuration: "1 day" must match '],
      [
        { selector: { namespace: { matchNames: 'web' } } },
        'spec.selector.namespace.matchNames: "web" must be a list',
      ],
      [{ selector: null }, 'spec.selector: must be given'],
      [{ selector: {} }, 'spec.selector: issuerRef or namespace must be given'],
      [{ validations: [{ message: 'm' }] }, 'spec.validations[0].rule: must be given'],
      [
        { validations: [{ rule: 'true' }, { rule: 'true' }] },
        'spec.validations[1].rule: "true" is there twice',
      ],
      [
        { allowed: { commonName: { required: true } } },
        'spec.allowed.commonName.value: value or validations must be given',
      ],
      [
        { constraints: { privateKey: { minSize: 9000 } } },
        'spec.constraints.privateKey.minSize: 9000 must be from 0 to 8192',
      ],
      [
        { constraints: { privateKey: { algorithm: 'Ed25519', minSize: 1 } } },
        'spec.constraints.privateKey: an Ed25519 key has no size',
      ],
    ];
    for (const [spec, fault] of table) {
      const { code, err } = await run({ p: pod({}), bad: policy('bad', spec) }, '-f', 'p', '--policy', 'bad');
      const expected = `bad: CertificateRequestPolicy bad: ${fault}`;
      assert.deepEqual([code, err.startsWith(expected)], [3, true], `${expected}\n${err}`);
    }
  });

  it('says so of a pod that no cluster could have', async () => {
    const { code, err } = await run({ p: pod({}).replace('"web"', '"we b"') }, '-f', 'p');
    assert.equal(code, 3);
    assert.match(err, /^Pod we b\/api: .*SPIFFE ID/);
  });

  it('helps who asks', async () => {
    const { code, out } = await run({}, '--help');
    assert.equal(code, 0);
    assert.match(out, /^Usage: certmount policy test \[flags\]/);
  });
});

/** Of nine levels with nine aliases each. */
function aliasBomb(): string {
  const letters = 'abcdefghi'.split('');
  const lines = letters.map((letter, index) => {
    const below = letters[index - 1];
    return `${letter}: &${letter} [${Array.from({ length: 9 }, () => (below === undefined ? 'x' : `*${below}`)).join()}]`;
  });
  return `kind: Pod\n${lines.join('\n')}\n`;
}
