import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { clusterIssuerWithCa } from '../support/certificate-authority.ts';
import { type CertmountCluster, startCertmountCluster } from '../support/certmount-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { namespace, serviceAccount, workloadPod, type WorkloadOptions } from '../support/pods.ts';

const kubeletDir = '/var/lib/k0s/kubelet';
const startupTaint = { key: 'certmount.io/agent-not-ready', effect: 'NoSchedule' };
const issuer = { 'issuer-name': 'mesh-ca', 'issuer-kind': 'ClusterIssuer' };
const driverLabel = 'app.kubernetes.io/name=certmount-driver';

interface PodSpec {
  securityContext: object;
  containers: { volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[] }[];
}

/** A node as others have it: another kubelet directory, a startup taint, and pods that ask in their own name. */
describe('a node that is not like the others', { timeout: 480_000 }, () => {
  let cluster: CertmountCluster;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(...args);

  before(async () => {
    cluster = await startCertmountCluster({
      log: (line) => console.error(line),
      components: { deploy: ['approve-pods'], daemonset: ['token-request', 'startup-taint', 'k0s'] },
      node: {
        kubeletDir,
        featureGates: { CSIVolumeHealth: true },
        // More often than by default, which is once a minute, so that the test waits less.
        kubeletConfiguration: {
          registerWithTaints: [startupTaint],
          syncFrequency: '10s',
          volumeStatsAggPeriod: '5s',
        },
      },
    });
    await cluster.controlPlane.apply([
      ...(await clusterIssuerWithCa('mesh-ca')).manifests,
      ...['web', 'bare'].map(namespace),
      serviceAccount('web', 'frontend'),
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { namespace: 'web', name: 'certmount-workload' },
        roleRef: {
          apiGroup: 'rbac.authorization.k8s.io',
          kind: 'ClusterRole',
          name: 'certmount-workload',
        },
        subjects: [
          { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:serviceaccounts:web' },
        ],
      },
    ]);
    for (const [ns, name] of [
      ['web', 'frontend'],
      ['web', 'default'],
      ['bare', 'default'],
    ] as const) {
      await kubectl('wait', '--for=create', '-n', ns, `serviceaccount/${name}`, '--timeout=30s');
    }
  });
  after(() => cluster?.stop());

  it('is freed of the startup taint by its driver, before which no pod was put on it', async () => {
    // The controller's pods are such pods: they run by now.
    assert.equal(await taintKeys(), '');
    assert.match(await driverLog(), /removed the startup taint of the node/);
    const events = await kubectl('get', 'events', '-n', 'certmount', '-o', 'jsonpath={.items[*].message}');
    assert.match(events, /untolerated taint/);
  });

  it('keeps a pod away while it is tainted, and takes it when the driver has registered again', async () => {
    await kubectl('taint', 'node', cluster.node.name, `${startupTaint.key}=:${startupTaint.effect}`);
    await apply({ name: 'early' });
    await eventually('the scheduler to find no place for it', async () => {
      const path = '{.status.conditions[?(@.type=="PodScheduled")].reason}';
      return (await read('early', path)) === 'Unschedulable' || undefined;
    });
    await restartDriver();
    await ready('early');
    assert.equal(await taintKeys(), '');
  });

  describe('a pod that asks in its own name', () => {
    before(async () => {
      const attributes = { ...issuer, duration: '2m', 'renew-before': '1m42s' };
      await apply({ name: 'own', serviceAccount: 'frontend', attributes });
      await ready('own');
    });

    it('has a request of its own service account, for itself', async () => {
      const { spec } = await requestOf('own');
      assert.equal(spec.username, 'system:serviceaccount:web:frontend');
      assert.deepEqual(spec.extra['authentication.kubernetes.io/pod-name'], ['own']);
      assert.deepEqual(spec.extra['authentication.kubernetes.io/pod-uid'], [
        await read('own', '{.metadata.uid}'),
      ]);
      const names = await exec(
        'own',
        'openssl',
        'x509',
        '-noout',
        '-ext',
        'subjectAltName',
        '-in',
        '/certs/tls.crt',
      );
      assert.match(names, /URI:spiffe:\/\/cluster\.local\/ns\/web\/sa\/frontend\s*$/);
    });

    it('leaves no token on the node or in the log of the driver', async () => {
      const filesWith = async (text: string): Promise<string> => {
        const folders = `${kubeletDir}/plugins ${await volumeOf('own')}`;
        const grep = `grep --recursive --files-with-matches --devices=skip '${text}' ${folders} || [ $? = 1 ]`;
        return cluster.node.run('sh', ['-c', grep]);
      };
      assert.match(
        await filesWith('serviceAccount.name'),
        /volumes\/.*\.json/,
        'the search finds what there is',
      );
      assert.equal(await filesWith('eyJhbGciOi'), '');
      assert.doesNotMatch(await driverLog(), /eyJhbGciOi/);
    });

    it('is renewed in its own name, also by a driver that was started after it', async () => {
      const serial = (): Promise<string> =>
        exec('own', 'openssl', 'x509', '-noout', '-serial', '-in', '/certs/tls.crt');
      const first = await serial();
      await eventually('a renewal', async () => (await serial()) !== first || undefined, 20_000);
      await restartDriver();
      const last = await serial();
      await eventually(
        'a renewal with a token that the kubelet has brought again',
        async () => (await serial()) !== last || undefined,
        60_000,
      );
      assert.equal((await requestOf('own')).spec.username, 'system:serviceaccount:web:frontend');
    });

    it('does not start where its service account may not ask, and is told so', async () => {
      await apply({ name: 'unbound', namespace: 'bare' });
      const events = await eventually('the reason among the events', async () => {
        const text = await kubectl('describe', 'pod', '-n', 'bare', 'unbound');
        return text.includes('FailedMount') && text.includes('certificaterequests') ? text : undefined;
      });
      assert.match(events, /User "system:serviceaccount:bare:default" cannot create resource/);
      assert.doesNotMatch(events, /eyJhbGciOi/);
      await kubectl('delete', 'pod', '-n', 'bare', 'unbound', '--wait=false');
    });

    it('does not start with the identity of another, although it may ask', async () => {
      await apply({
        name: 'impostor',
        attributes: { ...issuer, 'uri-sans': 'spiffe://cluster.local/ns/web/sa/frontend' },
      });
      const events = await eventually('the reason among the events', async () => {
        const text = await kubectl('describe', 'pod', '-n', 'web', 'impostor');
        return text.includes('was denied') ? text : undefined;
      });
      assert.match(events, /must be the pod's SPIFFE ID/);
      await kubectl('delete', 'pod', '-n', 'web', 'impostor', '--wait=false');
    });
  });

  describe('a volume', () => {
    it("is mounted in the kubelet's own directory", async () => {
      const volume = await volumeOf('own');
      assert.ok(volume.startsWith(`${kubeletDir}/pods/`));
      assert.ok(cluster.node.mountinfo().includes(` ${volume} `));
    });

    it('is read by a container without root and without a writable file system, through the group of its pod', async () => {
      // workloadPod has just that.
      assert.match(await exec('own', 'cat', '/certs/tls.key'), /BEGIN PRIVATE KEY/);
      assert.match(await exec('own', 'stat', '-c', '%a %u:%g', '/certs/tls.key', '-L'), /^440 0:2000$/m);
    });

    it('is not read by a container without root that is not of the group', async () => {
      await apply({ name: 'stranger' }, (spec) => {
        spec.securityContext = { runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true };
      });
      await ready('stranger');
      for (const path of ['/certs/tls.key', '/certs/tls.crt']) {
        await assert.rejects(exec('stranger', 'cat', path), /Permission denied/);
      }
    });

    it('is written to by nobody, not even by root with a mount that does not say readOnly', async () => {
      await apply({ name: 'root' }, (spec) => {
        spec.securityContext = { runAsUser: 0 };
        for (const { volumeMounts } of spec.containers)
          volumeMounts.forEach((mount) => delete mount.readOnly);
      });
      await ready('root');
      await assert.rejects(exec('root', 'touch', '/certs/x'), /Read-only file system/);
      await assert.rejects(exec('root', 'rm', '/certs/..data'), /Read-only file system/);
    });

    it('has its use and its condition in the statistics of the kubelet', async () => {
      const stats = await eventually('statistics of the volume', () => statsOf('own'), 90_000);
      assert.equal(stats.capacityBytes, 1024 * 1024);
      assert.ok(stats.usedBytes > 0 && stats.usedBytes < 100_000, String(stats.usedBytes));
      assert.ok(stats.inodesUsed > 0);
      const events = await kubectl('get', 'events', '-n', 'web', '-o', 'jsonpath={.items[*].reason}');
      assert.doesNotMatch(events, /VolumeConditionAbnormal/);
    });

    it('whose certificate has expired is abnormal to the kubelet, which tells it on the pod', async (t) => {
      const version = await kubectl(
        'get',
        'nodes',
        '-o',
        'jsonpath={.items[0].status.nodeInfo.kubeletVersion}',
      );
      if (!/^v1\.3[0-6]\./.test(version)) return t.skip(`the kubelet ${version} tells of it no more`);
      await apply({ name: 'expiring', attributes: { ...issuer, duration: '1m', 'renew-before': '34s' } });
      await ready('expiring');
      await kubectl('delete', 'rolebinding', '-n', 'web', 'certmount-workload');
      const events = await eventually(
        'the condition among the events',
        async () => {
          const text = await kubectl('describe', 'pod', '-n', 'web', 'expiring');
          return ['VolumeConditionAbnormal', 'CertificateExpired'].every((reason) => text.includes(reason))
            ? text
            : undefined;
        },
        150_000,
      );
      assert.match(events, /VolumeConditionAbnormal .*certs: .*expired/);
      assert.match(events, /CertificateExpired .*cannot create resource "certificaterequests"/);
      assert.equal(await read('expiring', '{.status.phase}'), 'Running');
    });
  });

  async function apply(
    { attributes = issuer, ...options }: Partial<WorkloadOptions> & { name: string },
    change: (spec: PodSpec) => void = () => {},
  ): Promise<void> {
    const pod = workloadPod({ namespace: 'web', attributes, ...options }) as { spec: PodSpec };
    change(pod.spec);
    await cluster.controlPlane.apply([pod]);
  }

  function ready(name: string): Promise<string> {
    return kubectl('wait', '-n', 'web', `pod/${name}`, '--for=condition=Ready', '--timeout=60s');
  }

  function read(name: string, jsonpath: string): Promise<string> {
    return kubectl('get', 'pod', '-n', 'web', name, '-o', `jsonpath=${jsonpath}`);
  }

  function exec(name: string, ...command: string[]): Promise<string> {
    return kubectl('exec', '-n', 'web', name, '--', ...command);
  }

  function taintKeys(): Promise<string> {
    return kubectl('get', 'node', cluster.node.name, '-o', 'jsonpath={.spec.taints[*].key}');
  }

  function driverLog(): Promise<string> {
    return kubectl('logs', '-n', 'certmount', '-l', driverLabel, '--tail=-1');
  }

  async function restartDriver(): Promise<void> {
    await kubectl('delete', 'pod', '-n', 'certmount', '-l', driverLabel, '--wait=true', '--timeout=30s');
    await kubectl('rollout', 'status', '-n', 'certmount', 'daemonset/certmount-driver', '--timeout=60s');
  }

  async function volumeOf(name: string): Promise<string> {
    const uid = await read(name, '{.metadata.uid}');
    return `${kubeletDir}/pods/${uid}/volumes/kubernetes.io~csi/certs/mount`;
  }

  async function requestOf(
    pod: string,
  ): Promise<{ spec: { username: string; extra: Record<string, string[]> } }> {
    const { items } = JSON.parse(await kubectl('get', 'certificaterequest', '-n', 'web', '-o', 'json')) as {
      items: { metadata: { name: string }; spec: { username: string; extra: Record<string, string[]> } }[];
    };
    return items.find(({ metadata }) => metadata.name.startsWith(`${pod}-`)) ?? assert.fail('no request');
  }

  /** Of the volume `certs`, as the kubelet's summary has them. */
  async function statsOf(
    pod: string,
  ): Promise<{ capacityBytes: number; usedBytes: number; inodesUsed: number } | undefined> {
    const path = `/api/v1/nodes/${cluster.node.name}/proxy/stats/summary`;
    const { pods } = JSON.parse(await kubectl('get', '--raw', path)) as {
      pods: {
        podRef: { name: string };
        volume?: { name: string; capacityBytes: number; usedBytes: number; inodesUsed: number }[];
      }[];
    };
    return pods.find(({ podRef }) => podRef.name === pod)?.volume?.find((volume) => volume.name === 'certs');
  }
});
