import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pod, run, volume } from './support/run-policy-test.ts';

const annotated = (annotations: Readonly<Record<string, string>>, spec: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'api', namespace: 'web', annotations },
    spec: { serviceAccountName: 'api', containers: [{ name: 'app' }], ...spec },
  });

const namespace = (annotations: Readonly<Record<string, string>>, name = 'web'): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, annotations } });

const both = (...manifests: readonly string[]): { p: string } => ({ p: manifests.join('\n---\n') });

/** That of a cluster whose driver has another name. */
const mutating = (defaults: string): string =>
  JSON.stringify({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingAdmissionPolicy',
    metadata: { name: 'certmount-inject' },
    spec: {
      variables: [
        { name: 'driver', expression: "'csi.example.org'" },
        { name: 'defaults', expression: defaults },
      ],
    },
  });

const asks = { 'certmount.io/inject': 'true', 'certmount.io/inject-issuer-name': 'mesh' };

describe('certmount policy test of pods that ask by annotation', () => {
  it('judges what they are injected', async () => {
    const names = { ...asks, 'certmount.io/inject-dns-names': 'www.example.org' };
    const { code, out } = await run(both(annotated(names)), '-f', 'p');
    assert.equal(code, 1);
    assert.match(
      out,
      /^Pod web\/api, volume certmount-identity: denied\n {2}issuer +Issuer\.cert-manager\.io\/mesh\n/,
    );
    assert.match(out, /dnsNames "www\.example\.org": must be a name of the pod/);
    assert.equal((await run(both(annotated(asks)), '-f', 'p')).code, 0);
  });

  it('takes what their namespace says, where it is in the files', async () => {
    const ofNamespace = namespace({
      ...asks,
      'certmount.io/inject-issuer-kind': 'ClusterIssuer',
      'certmount.io/inject-duration': '1h',
    });
    const { code, out } = await run(both(annotated({}), ofNamespace), '-f', 'p');
    assert.equal(code, 0, out);
    assert.match(out, /issuer +ClusterIssuer\.cert-manager\.io\/mesh\n(.*\n)*.*duration +1h0m0s/);
    const own = annotated({ 'certmount.io/inject-issuer-name': 'own', 'certmount.io/inject-duration': '' });
    assert.match(
      (await run(both(own, ofNamespace), '-f', 'p')).out,
      /issuer +Issuer\.cert-manager\.io\/own\n(.*\n)*.*duration +24h0m0s/,
    );
    const no = annotated({ 'certmount.io/inject': 'false' });
    assert.equal((await run(both(no, ofNamespace), '-f', 'p')).code, 3, 'nobody asks for anything');
    const windows = annotated({}, { os: { name: 'windows' } });
    assert.equal((await run(both(windows, ofNamespace), '-f', 'p')).code, 3);
  });

  it('counts no annotation twice that a pod has a volume beside', async () => {
    const { out } = await run(both(annotated(asks, { volumes: [volume({})] })), '-f', 'p');
    assert.deepEqual(out.match(/volume \S+/g), ['volume tls:']);
  });

  it('says what the API server would refuse, as it does', async () => {
    const table: readonly (readonly [file: string, message: string])[] = [
      [annotated({ 'certmount.io/inject': 'yes' }), 'certmount.io/inject: "yes" must be "true" or "false"'],
      [
        annotated({ ...asks, 'certmount.io/inject-isuer-name': 'x' }),
        'certmount.io/inject-isuer-name is not known',
      ],
      [
        annotated({ ...asks, 'certmount.io/inject-duration': '1 day' }),
        'certmount.io/inject-duration: "1 day" must be a duration',
      ],
      [annotated(asks, { os: { name: 'windows' } }), 'certmount.io/inject: the pod is for Windows'],
      [
        annotated({ ...asks, 'certmount.io/inject-exclude-containers': 'x' }),
        'certmount.io/inject-exclude-containers: "x" must be a container',
      ],
      [
        annotated(asks, { volumes: [{ name: 'certmount-identity' }] }),
        'certmount.io/inject: the pod has a volume named certmount-identity',
      ],
    ];
    for (const [file, message] of table) {
      const { code, out } = await run({ p: file }, '-f', 'p');
      assert.equal(code, 1, message);
      assert.ok(out.startsWith(`Pod web/api: refused by the API server\n  ${message}`), out);
    }
    const { code, out } = await run(
      both(pod({}), namespace({ 'certmount.io/injekt': 'true' })),
      '-f',
      'p',
      '-o',
      'json',
    );
    assert.equal(code, 0, 'it is another annotation');
    const wrong = await run(
      both(pod({}), namespace({ 'certmount.io/inject': 'yes' })),
      '-f',
      'p',
      '-o',
      'json',
    );
    assert.equal(wrong.code, 1, out);
    const [{ message, origin, refusedBy, volume: none } = {}] = (
      JSON.parse(wrong.out) as { volumes: Record<string, unknown>[] }
    ).volumes;
    assert.deepEqual(
      [origin, none, refusedBy, message],
      ['Namespace web', null, 'admission', 'certmount.io/inject: "yes" must be "true" or "false"'],
    );
  });

  it('says what the driver would refuse of an annotation', async () => {
    const wrong = {
      ...asks,
      'certmount.io/inject-key-size': '384',
      'certmount.io/inject-key-algorithm': 'RSA',
    };
    const { code, out } = await run(both(annotated(wrong)), '-f', 'p');
    assert.equal(code, 1);
    assert.match(out, /volume certmount-identity: refused by the driver\n {2}key-size "384"/);
  });

  it('touches nothing in the namespaces of the cluster', async () => {
    const manifest = annotated({ 'certmount.io/inject': 'nonsense' }).replace('"web"', '"kube-system"');
    const { code, err } = await run(both(manifest, pod({})), '-f', 'p');
    assert.deepEqual([code, err], [0, '']);
  });

  it('counts what is injected, whatever the driver of the cluster is called', async () => {
    const asksToo = annotated({ ...asks, 'certmount.io/inject-dns-names': 'www.example.org' });
    const foreign = JSON.stringify({
      apiVersion: 'batch.volcano.sh/v1alpha1',
      kind: 'Job',
      metadata: { name: 'train', namespace: 'web' },
      spec: { tasks: [{ template: { spec: { volumes: [volume({}, 'csi.example.org')] } } }] },
    });
    const given = await run(both(pod({}), asksToo, foreign, mutating("{'preset': 'spiffe'}")), '-f', 'p');
    assert.equal(given.code, 1);
    assert.match(given.out, /volume tls: approved[^]*volume certmount-identity: denied/);
    assert.match(given.err, /Job web\/train: pods of a Job\.batch\.volcano\.sh are not looked at/);
    const named = await run(both(asksToo), '-f', 'p', '--driver-names', 'csi.example.org');
    assert.equal(named.code, 1);
    assert.match(named.out, /volume certmount-identity: denied/);
  });

  it('takes driver and defaults of the cluster from its policy', async () => {
    const asksOnly = annotated({ 'certmount.io/inject': 'true' });
    const flags = ['-f', 'p', '--driver-names', 'csi.example.org'];
    const { code, out } = await run(both(asksOnly, mutating("{'issuer-name': 'cluster'}")), ...flags);
    assert.equal(code, 0, out);
    assert.match(out, /issuer +Issuer\.cert-manager\.io\/cluster/);
    const { err } = await run(both(asksOnly, mutating('[1]')), ...flags);
    assert.match(
      err,
      /^p: MutatingAdmissionPolicy certmount-inject: spec\.variables: defaults must be a map of texts in CEL\n/,
    );
  });

  it('warns of an annotation that is of no pod', async () => {
    const deployment = (annotations: object, spec: object): string =>
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'api', namespace: 'web', annotations },
        spec: { template: { spec } },
      });
    const warned = async (file: string): Promise<string> => (await run(both(file, pod({})), '-f', 'p')).err;
    assert.equal(
      await warned(deployment(asks, {})),
      'p: Deployment web/api: certmount.io/inject has no effect here: it must be under spec.template.metadata.annotations\n',
    );
    assert.equal(await warned(deployment(asks, { volumes: [volume({})] })), '');
  });
});
