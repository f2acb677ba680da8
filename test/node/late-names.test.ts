import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { containerdSocket } from '../cluster/node/containerd.ts';
import { clusterIssuerWithCa } from '../support/certificate-authority.ts';
import { type CertmountCluster, startCertmountCluster, workloadImage } from '../support/certmount-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { examplesOf } from '../support/examples-of.ts';
import { namespace, workloadPod, type WorkloadOptions } from '../support/pods.ts';
import { keepAuditLog } from '../support/kept-logs.ts';

type Attributes = Readonly<Record<string, string>>;

interface Container {
  name: string;
  image: string;
  imagePullPolicy?: string;
  command?: string[];
  volumeMounts?: { name: string; mountPath: string; subPath?: string }[];
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: {
    hostNetwork?: boolean;
    terminationGracePeriodSeconds?: number;
    initContainers?: Container[];
    containers: Container[];
  };
}

interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
}

const driverLabel = 'app.kubernetes.io/name=certmount-driver';
const issuer = { 'issuer-name': 'mesh', 'issuer-kind': 'ClusterIssuer' };
const atOnce = { ...issuer, 'ip-sans': '${POD_IP}', start: 'without-certificate' };
const registered = 'example.com/registered';

/** Of what the driver asks about pods; open watches included. */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    {
      level: 'Metadata',
      users: ['system:serviceaccount:certmount:certmount-driver'],
      resources: [{ group: '', resources: ['pods'] }],
    },
    { level: 'None' },
  ],
};

const examples = examplesOf('docs/late-names.md');

/** What the page shows: pods, with the image of the tests, and the attributes of volumes. */
const page = {
  pod: (name: string): Pod => {
    const found = examples.find((example): example is Pod => (example as Pod).metadata?.name === name);
    return inTests(found ?? assert.fail(`no pod ${name}`));
  },
  attributes: (waitFor: string): Attributes =>
    examples
      .map((example) => (example as { readonly volumeAttributes?: Attributes }).volumeAttributes)
      .find((attributes) => attributes?.['wait-for']?.startsWith(waitFor)) ??
    assert.fail(`no attributes that wait for ${waitFor}`),
};

/** The pods and the attributes are those of the page for users, where it has them. */
describe('a pod whose names are known late', { timeout: 240_000 }, () => {
  const audit = mkdtempSync(join(tmpdir(), 'certmount-audit-'));
  let cluster: CertmountCluster;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(...args);

  before(async () => {
    writeFileSync(join(audit, 'policy.json'), JSON.stringify(auditPolicy));
    cluster = await startCertmountCluster({
      log: (line) => console.error(line),
      controlPlane: {
        apiServerFlags: [
          `--audit-policy-file=${join(audit, 'policy.json')}`,
          `--audit-log-path=${join(audit, 'audit.log')}`,
        ],
      },
    });
    const { manifests } = await clusterIssuerWithCa('mesh');
    await cluster.controlPlane.apply([...manifests, namespace('web')]);
    await kubectl('wait', '--for=create', '-n', 'web', 'serviceaccount/default', '--timeout=30s');
    await cluster.controlPlane.apply([
      page.pod('store'),
      page.pod('worker'),
      pod({ name: 'peer', attributes: issuer }),
      pod({ name: 'impatient', attributes: { ...issuer, 'ip-sans': '${POD_IP}' } }),
      pod({ name: 'registering', attributes: page.attributes('pod-condition:') }),
      pod({ name: 'early', attributes: page.attributes('pod-annotation:') }),
      onHost(pod({ name: 'host', attributes: atOnce })),
      onHost(pod({ name: 'host-impatient', attributes: { ...issuer, 'wait-for': 'pod-ip' } })),
      // Each is looked at after 10 to 60 seconds: of three, one soon.
      ...[1, 2, 3].map((n) => bySubPath(pod({ name: `by-sub-path-${n}`, attributes: issuer }))),
    ]);
  });
  after(async () => {
    await cluster?.stop();
    // In the place of the log that each API server keeps in a whole run.
    keepAuditLog(join(audit, 'audit.log'));
    rmSync(audit, { recursive: true });
  });

  describe('its own address', () => {
    it('starts with a placeholder, and gets a certificate for exactly its address', async () => {
      await ready('store');
      // On a slow machine the container starts after the certificate is there; a test below holds one at the placeholder.
      assert.match(
        await kubectl('logs', '-n', 'web', 'store', '-c', 'certificate'),
        /^(0: generation|1: ca\.crt certificate\.json credential-bundle\.pem generation tls\.crt tls\.key)\n$/,
      );
      assert.deepEqual(await addressesIn('store', '/identity'), [await read('store', '{.status.podIP}')]);
      assert.equal(await exec('store', 'cat', '/identity/generation'), '1\n');
      const pending = await told('store', 'CertificatePending');
      assert.match(pending, /mounted without a certificate.* when there is the pod's address/);
      const issued = await told('store', 'CertificateIssued');
      assert.match(issued, /has its first certificate, which lives until \d{4}-/);
    });

    it('is what a peer verifies when it connects', async () => {
      await ready('peer');
      const address = await read('store', '{.status.podIP}');
      assert.match(await connect(address, address), /^HTTP\/1\.0 200 /);
      await assert.rejects(connect(address, '192.0.2.1'), /IP address mismatch/i);
    });

    it('does not start at all when it does not say that it starts without a certificate', async () => {
      const message = await told('impatient', 'FailedMount');
      assert.match(
        message,
        /code = InvalidArgument .*ip-sans "\$\{POD_IP\}": .*after its volumes are mounted: set start: without-certificate/,
      );
      await assertNotStarted('impatient');
      assert.ok(!cluster.node.mountinfo().includes(await read('impatient', '{.metadata.uid}')));
    });

    it('is that of the node for a pod on its network, which is known before and yet has to be asked for so', async () => {
      await ready('host');
      assert.deepEqual(await eventually('its certificate', () => addressesIn('host')), [
        cluster.node.address,
      ]);
      const message = await told('host-impatient', 'FailedMount');
      assert.match(
        message,
        /wait-for "pod-ip": .*after its volumes are mounted: set start: without-certificate/,
      );
      await assertNotStarted('host-impatient');
      // The driver is not told that this pod is different.
      assert.equal(await read('host-impatient', '{.status.podIP}'), cluster.node.address);
    });

    it('is in its next certificate, made at once, when its sandbox is made anew', async () => {
      const old = await read('store', '{.status.podIP}');
      await killSandbox('store');
      const address = await eventually('another address', async () => {
        const now = await read('store', '{.status.podIP}');
        return now !== '' && now !== old ? now : undefined;
      });
      await eventually('its certificate', async () => {
        const [named] = await addressesIn('store', '/identity');
        return named === address || undefined;
      });
      assert.equal(await exec('store', 'cat', '/identity/generation'), '2\n');
    });
  });

  describe('what somebody else says of it', () => {
    it('starts when it has the condition', async () => {
      await assertNotStarted('registering');
      const condition = { type: 'example.com/Registered', status: 'True', reason: 'Test' };
      const patch = JSON.stringify({ status: { conditions: [condition] } });
      await kubectl('patch', 'pod', '-n', 'web', 'registering', '--subresource=status', `--patch=${patch}`);
      await ready('registering');
    });

    it('starts when it has the annotation, and says until then what it waits for', async () => {
      const message = await told('worker', 'FailedMount', 'waits for', 60_000);
      assert.match(
        message,
        /code = DeadlineExceeded .*the certificate waits for the pod's annotation example.com\/registered/,
      );
      await assertNotStarted('worker');
      await annotate('worker');
      await ready('worker');
      assert.match(await exec('worker', 'cat', '/identity/tls.crt'), /BEGIN CERTIFICATE/);
    });
  });

  it('is warned of the container that mounts a file of the volume, and of no other', async () => {
    const warning = await event('reason=SubPathNeverUpdates', '', 75_000);
    assert.match(warning, /^container one-file mounts volume certs: .*Mount the whole volume as a directory/);
  });

  it('has a placeholder while it waits without a certificate, also when the driver is restarted meanwhile', async () => {
    await ready('early');
    await restartDriver();
    assert.equal(await exec('early', 'sh', '-c', 'echo /certs/*'), '/certs/generation\n');
    assert.equal(await exec('early', 'cat', '/certs/generation'), '0\n');
    await annotate('early');
    const addresses = await eventually('its certificate', () => addressesIn('early'));
    assert.deepEqual(addresses, [await read('early', '{.status.podIP}')]);
  });

  it('is watched with the pods of its node alone', () => {
    const asked = readFileSync(join(audit, 'audit.log'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditEvent);
    const many = asked.filter(({ verb }) => verb !== 'get');
    assert.ok(many.some(({ verb }) => verb === 'watch'));
    for (const { requestURI, verb } of many) {
      const query = new URL(requestURI, cluster.controlPlane.server).searchParams;
      assert.equal(query.get('fieldSelector'), `spec.nodeName=${cluster.node.name}`, `${verb} ${requestURI}`);
    }
  });

  function ready(name: string): Promise<string> {
    return kubectl('wait', '-n', 'web', `pod/${name}`, '--for=condition=Ready', '--timeout=60s');
  }

  function read(name: string, jsonpath: string): Promise<string> {
    return kubectl('get', 'pod', '-n', 'web', name, '-o', `jsonpath=${jsonpath}`);
  }

  function exec(name: string, ...command: string[]): Promise<string> {
    return kubectl('exec', '-n', 'web', name, '--', ...command);
  }

  function annotate(name: string): Promise<string> {
    return kubectl('annotate', 'pod', '-n', 'web', name, `${registered}=yes`);
  }

  function told(name: string, reason: string, part = '', timeoutMs = 30_000): Promise<string> {
    return event(`involvedObject.name=${name},reason=${reason}`, part, timeoutMs);
  }

  /** The message of the first such Event, with this part in it. */
  function event(fields: string, part: string, timeoutMs: number): Promise<string> {
    const find = async (): Promise<string | undefined> => {
      const found = await kubectl('get', 'events', '-n', 'web', `--field-selector=${fields}`, '-o', 'json');
      const { items } = JSON.parse(found) as { items: { message: string }[] };
      return items.map(({ message }) => message).find((message) => message.includes(part));
    };
    return eventually(`an Event with ${fields}`, find, timeoutMs);
  }

  async function assertNotStarted(name: string): Promise<void> {
    const waiting = '{.status.containerStatuses[0].state.waiting.reason}';
    const reason = await eventually(
      `the status of ${name}`,
      async () => (await read(name, waiting)) || undefined,
    );
    assert.equal(reason, 'ContainerCreating');
  }

  /** What OpenSSL reads in the certificate of the pod. */
  async function addressesIn(name: string, folder = '/certs'): Promise<string[]> {
    const names = await exec(
      name,
      ...['openssl', 'x509', '-noout', '-ext', 'subjectAltName', '-in', `${folder}/tls.crt`],
    );
    return [...names.matchAll(/IP Address:([^,\s]+)/g)].flatMap(([, address]) => address ?? []);
  }

  /** The pod `peer` asks a server for a page, with its own certificate, and takes it for the address given. */
  function connect(address: string, expected: string): Promise<string> {
    const client = [
      ...['openssl', 's_client', '-quiet', '-connect', `${address}:8443`, '-verify_ip', expected],
      ...[
        '-verify_return_error',
        '-CAfile',
        '/certs/ca.crt',
        '-cert',
        '/certs/tls.crt',
        '-key',
        '/certs/tls.key',
      ],
    ];
    return exec('peer', 'sh', '-c', `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | ${client.join(' ')}`);
  }

  async function restartDriver(): Promise<void> {
    await kubectl('delete', 'pod', '-n', 'certmount', '-l', driverLabel, '--wait=true', '--timeout=30s');
    await kubectl('rollout', 'status', '-n', 'certmount', 'daemonset/certmount-driver', '--timeout=60s');
  }

  /** As when the machine kills it: the kubelet makes another one, with another address. */
  async function killSandbox(name: string): Promise<void> {
    const ctr = (...args: string[]): Promise<string> =>
      cluster.node.run('ctr', [`--address=${containerdSocket}`, '--namespace=k8s.io', ...args]);
    const labels = [`labels."io.kubernetes.pod.name"==${name}`, 'labels."io.cri-containerd.kind"==sandbox'];
    const [sandbox = ''] = (await ctr('containers', 'list', '--quiet', labels.join())).trim().split('\n');
    await ctr('tasks', 'kill', '--signal=SIGKILL', sandbox);
  }
});

function pod(options: Omit<WorkloadOptions, 'namespace'>): Pod {
  return workloadPod({ namespace: 'web', ...options }) as Pod;
}

function onHost(pod: Pod): Pod {
  pod.spec.hostNetwork = true;
  return pod;
}

/** With a second container, which mounts one file alone. */
function bySubPath(pod: Pod): Pod {
  const volumeMounts = [{ name: 'certs', mountPath: '/tls.crt', subPath: 'tls.crt' }];
  const [first] = pod.spec.containers;
  assert.ok(first);
  pod.spec.containers.push({ ...first, name: 'one-file', volumeMounts });
  return pod;
}

/**
 * With the image that is on the node. An init container tells first what it finds in the volume: all of one generation,
 * though the next one may come meanwhile.
 */
function inTests(pod: Pod): Pod {
  const { containers, initContainers = [] } = pod.spec;
  pod.spec.terminationGracePeriodSeconds = 1;
  for (const container of [...initContainers, ...containers]) {
    Object.assign(container, { image: workloadImage, imagePullPolicy: 'Never' });
    container.command ??= ['sleep', '3600'];
  }
  for (const { command } of initContainers)
    command?.push(`cd -P /identity/..data; echo $(cat generation): $(ls); ${command.pop()}`);
  return pod;
}
