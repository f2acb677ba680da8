import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateRequest } from '../../../../src/api/certificate-request.ts';
import type { OwnerReference } from '../../../../src/kube/index.ts';
import { noAltNames } from '../../../../src/pki/index.ts';
import { driver, newCsr } from '../builders.ts';
import { claimKeys, newCluster, newPod, ofDriver, ofPod, owner, Scene } from './support/scene.ts';
import type { Cluster } from './support/scene.ts';

const { nodeName, nodeUid, podName, podUid } = claimKeys;

function ownedBy(...ownerReferences: OwnerReference[]): CertificateRequest {
  return ofDriver({ metadata: { ownerReferences } });
}

describe('a request of a driver', () => {
  it('is approved when a policy allows it, from what the watches say alone', async () => {
    const scene = new Scene();
    assert.deepEqual(await scene.decide(ofDriver()), {
      decision: 'approve',
      reason: 'policy.cert-manager.io',
      message: 'Approved by CertificateRequestPolicy: "default"',
    });
    assert.deepEqual(scene.reads, []);
    assert.deepEqual(scene.counted, ['approved: policy']);
  });

  it('is judged as the pod, by what the cluster says of it', async () => {
    const service = {
      metadata: { namespace: 'web', name: 'api' },
      spec: { selector: { app: 'app' } },
    };
    const scene = new Scene(newCluster({ services: [service] }));
    await scene.decide(ofDriver({ duration: '1h', usages: ['client auth'] }));
    const [request] = scene.judged;
    assert.deepEqual(request?.subject, {
      username: 'system:serviceaccount:web:app',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:web', 'system:authenticated'],
    });
    assert.equal(request.pod?.spiffeId, 'spiffe://cluster.local/ns/web/sa/app');
    assert.deepEqual(request.pod.ips, ['10.0.0.1']);
    assert.ok(request.pod.dnsNames.includes('api.web.svc.cluster.local'));
    assert.equal(request.certificate.duration, 3_600_000);
    assert.deepEqual(request.certificate.usages, ['client auth']);
    assert.deepEqual(request.certificate.altNames.uris, ['spiffe://cluster.local/ns/web/sa/app']);
  });

  it('needs no label of the node, and one that a long name does not fit proves nothing', async () => {
    const long = 'n'.repeat(64);
    for (const [labels, name] of [
      [{}, 'a'],
      [{ 'csi.certmount.io/node': 'digest' }, long],
    ] as const) {
      const cluster = newCluster({ pods: [newPod({ nodeName: name })], nodes: { [name]: 'node-1' } });
      const request = ofDriver({
        extra: { [nodeName]: [name], [nodeUid]: ['node-1'] },
        metadata: { labels },
      });
      assert.equal((await new Scene(cluster).decide(request)).decision, 'approve', name);
    }
  });
});

const attacks: readonly {
  readonly attack: string;
  readonly request?: CertificateRequest;
  readonly cluster?: Partial<Cluster>;
  readonly counted: string;
  readonly says: RegExp;
}[] = [
  {
    attack: 'for a pod of another node',
    cluster: { pods: [newPod({ nodeName: 'b' })] },
    counted: 'pod-elsewhere',
    says: /^pod web\/app-0 is on node "b", expected "a", to which the requester's credentials are bound$/,
  },
  {
    attack: 'for a pod that is on no node yet',
    cluster: { pods: [newPod({ nodeName: '' })] },
    counted: 'pod-elsewhere',
    says: /is on no node yet, expected "a"/,
  },
  {
    attack: 'for a pod that there is not',
    cluster: { pods: [] },
    counted: 'pod-absent',
    says: /^pod web\/app-0 does not exist, expected it with uid pod-1$/,
  },
  {
    attack: 'for a pod of another namespace',
    request: ofDriver({ metadata: { namespace: 'other', ownerReferences: [owner] } }),
    counted: 'pod-absent',
    says: /^pod other\/app-0 does not exist/,
  },
  {
    attack: 'for a pod that has taken the name of the one that it was on the node',
    cluster: { pods: [newPod({ uid: 'pod-2' })] },
    counted: 'pod-replaced',
    says: /has uid pod-2, expected pod-1/,
  },
  {
    attack: 'for a pod with the uid of another',
    request: ownedBy({ ...owner, name: 'app-1' }),
    cluster: { pods: [newPod(), newPod({ name: 'app-1', uid: 'pod-2' })] },
    counted: 'pod-replaced',
    says: /^pod web\/app-1 has uid pod-2, expected pod-1$/,
  },
  ...['Succeeded', 'Failed'].map((phase) => ({
    attack: `for a pod that has ${phase}`,
    cluster: { pods: [newPod({ phase })] },
    counted: 'pod-finished',
    says: new RegExp(`has ended \\(phase ${phase}\\), expected Pending or Running`),
  })),
  {
    attack: 'for a static pod, which its node says there is',
    cluster: { pods: [newPod({ serviceAccountName: '' })] },
    counted: 'no-account',
    says: /^pod web\/app-0 has no service account, and so no identity/,
  },
  {
    attack: 'with credentials from before the node was made anew under its name',
    cluster: { nodes: { a: 'node-9' } },
    counted: 'node-replaced',
    says: /bound to node "a" with uid node-1, but that node has uid node-9$/,
  },
  {
    attack: 'with credentials of a node that is gone',
    cluster: { nodes: {} },
    counted: 'node-replaced',
    says: /but there is no such node$/,
  },
  {
    attack: 'without claims',
    request: ofDriver({ extra: {} }),
    counted: 'no-claim',
    says: /expected spec\.extra to hold node-name and node-uid/,
  },
  {
    attack: 'with the claims of a pod alone',
    request: ofDriver({ extra: { [podName]: ['app-0'], [podUid]: ['pod-1'] } }),
    counted: 'no-claim',
    says: /not bound to a node/,
  },
  ...(
    [
      [{ [nodeName]: ['a', 'b'], [nodeUid]: ['node-1'] }, 'node-name'],
      [{ [nodeName]: [''], [nodeUid]: ['node-1'] }, 'node-name'],
      [{ [nodeName]: [], [nodeUid]: ['node-1'] }, 'node-name'],
      [{ [nodeUid]: ['node-1'] }, 'node-name'],
      [{ [nodeName]: ['a'] }, 'node-uid'],
      [{ [nodeName]: ['a'], [nodeUid]: ['node-1', 'node-2'] }, 'node-uid'],
    ] satisfies [Record<string, string[]>, string][]
  ).map(([extra, key]) => ({
    attack: `with the claims ${JSON.stringify(extra)}`,
    request: ofDriver({ extra }),
    counted: 'malformed-claim',
    says: new RegExp(`^spec\\.extra\\["authentication\\.kubernetes\\.io/${key}"\\] must hold exactly one`),
  })),
  {
    attack: 'that says another node than its credentials',
    request: ofDriver({ metadata: { labels: { 'csi.certmount.io/node': 'b' }, ownerReferences: [owner] } }),
    counted: 'label-mismatch',
    says: /^label csi\.certmount\.io\/node is "b", but the requester's credentials are bound to node "a"$/,
  },
  ...[
    [],
    [owner, { ...owner, name: 'app-1', uid: 'pod-2' }],
    [owner, owner],
    [{ ...owner, kind: 'Job' }],
    [{ ...owner, apiVersion: 'v2' }],
    [{ ...owner, uid: '' }],
    [{ ...owner, name: '' }],
  ].map((owners) => ({
    attack: `owned by ${JSON.stringify(owners)}`,
    request: ownedBy(...owners),
    counted: 'no-owner',
    says: /^metadata\.ownerReferences must be exactly one v1 Pod/,
  })),
];

describe('an attack with the credentials of a driver', () => {
  for (const { attack, cluster = {}, counted, request = ofDriver(), says } of attacks) {
    it(`${attack} is denied, and no policy is asked`, async () => {
      const scene = new Scene(newCluster(cluster));
      assert.match(await scene.denial(request), says);
      assert.deepEqual(scene.judged, []);
      assert.deepEqual(scene.counted, [`denied: ${counted}`]);
    });
  }
});

describe("a request with a pod's own token", () => {
  it('is judged as the pod', async () => {
    const scene = new Scene();
    assert.equal((await scene.decide(ofPod())).decision, 'approve');
    assert.equal(scene.judged[0]?.pod?.name, 'app-0');
  });

  it('is one of a service account like any other where that is not wanted, not of the driver, or not of a pod', async () => {
    for (const [request, pods] of [
      [ofPod(), false],
      [ofPod({ metadata: { labels: {}, ownerReferences: [owner] } }), true],
      [ofPod({ extra: {} }), true],
    ] as const) {
      const scene = new Scene(newCluster(), undefined, { pods });
      await scene.decide(request);
      assert.equal(scene.judged[0]?.pod, undefined);
      assert.equal(scene.judged[0]?.subject.username, 'system:serviceaccount:web:app');
    }
  });

  const denied: readonly [string, CertificateRequest, Partial<Cluster>, string, RegExp][] = [
    [
      'for another pod of the same service account',
      ofPod({ metadata: { ownerReferences: [{ ...owner, name: 'app-1', uid: 'pod-2' }] } }),
      {},
      'no-owner',
      /must be pod app-0 with uid pod-1, to which/,
    ],
    [
      'for itself and another pod',
      ofPod({ metadata: { ownerReferences: [owner, { ...owner, name: 'app-1' }] } }),
      {},
      'no-owner',
      /must be pod app-0/,
    ],
    [
      'in another namespace',
      ofPod({ metadata: { namespace: 'other', ownerReferences: [owner] } }),
      {},
      'foreign-namespace',
      /^the request is in namespace other, its requester in web$/,
    ],
    [
      'with two pod names',
      ofPod({ extra: { [podName]: ['app-0', 'app-1'], [podUid]: ['pod-1'] } }),
      {},
      'malformed-claim',
      /must hold exactly one pod name/,
    ],
    [
      'for a pod of another service account',
      ofPod(),
      { pods: [newPod({ serviceAccountName: 'admin' })] },
      'foreign-account',
      /runs as service account admin, expected app/,
    ],
    [
      'for a pod that has ended',
      ofPod(),
      { pods: [newPod({ phase: 'Failed' })] },
      'pod-finished',
      /has ended/,
    ],
    ['for a pod that is gone', ofPod(), { pods: [] }, 'pod-absent', /does not exist/],
  ];
  for (const [attack, request, cluster, counted, says] of denied) {
    it(`${attack} is denied`, async () => {
      const scene = new Scene(newCluster(cluster));
      assert.match(await scene.denial(request), says);
      assert.deepEqual(scene.counted, [`denied: ${counted}`]);
    });
  }
});

describe('watches that are behind', () => {
  it('deny nothing: pod, node and services are read before', async () => {
    const behind: Partial<Cluster>[] = [
      { pods: [] },
      { pods: [newPod({ uid: 'pod-0' })] },
      { pods: [newPod({ nodeName: '' })] },
      { nodes: {} },
    ];
    for (const watched of behind) {
      const scene = new Scene(newCluster(watched), newCluster());
      assert.equal((await scene.decide(ofDriver())).decision, 'approve');
      assert.deepEqual(scene.reads, ['node a', 'pod web/app-0', 'services web']);
      assert.deepEqual(scene.counted, ['approved: policy']);
    }
  });

  it('also by policy: the address or the service may be new', async () => {
    const scene = new Scene(
      newCluster({ pods: [{ ...newPod(), status: { phase: 'Pending' } }] }),
      newCluster(),
    );
    scene.judge = ({ pod }) =>
      pod?.ips.includes('10.0.0.1')
        ? { decision: 'approve', policy: 'p', duration: undefined }
        : { decision: 'deny', message: 'not its address' };
    assert.equal((await scene.decide(ofDriver())).decision, 'approve');
    assert.equal(scene.judged.length, 2);
  });

  it('say what is denied when the cluster is read', async () => {
    const scene = new Scene(newCluster({ pods: [] }), newCluster({ pods: [newPod({ nodeName: 'b' })] }));
    assert.match(await scene.denial(ofDriver()), /is on node "b"/);
  });

  it('decide nothing when the cluster cannot be read: to be asked again', async () => {
    const scene = new Scene(newCluster({ pods: [] }));
    scene.reads.push = () => {
      throw new Error('unavailable');
    };
    await assert.rejects(scene.decide(ofDriver()), /unavailable/);
    assert.deepEqual(scene.counted, []);
  });
});

describe('what the judge says', () => {
  it('of a pod is written as it is', async () => {
    const scene = new Scene();
    scene.judge = () => ({ decision: 'deny', message: 'dnsNames: "x" is not allowed' });
    assert.deepEqual(await scene.decide(ofDriver()), {
      decision: 'deny',
      reason: 'policy.cert-manager.io',
      message: 'dnsNames: "x" is not allowed',
    });
    assert.deepEqual(scene.counted, ['denied: policy']);
  });

  it('leaves to others what no policy is about', async () => {
    const scene = new Scene();
    const left = { decision: 'leave', message: 'no policy applies' } as const;
    scene.judge = () => ({ ...left, because: 'no-policy' });
    const request = ofDriver({ username: 'somebody' });
    assert.deepEqual(await scene.decide(request), { decision: 'approve', reason: 'others', message: '' });
    scene.others = { decision: 'leave', message: 'nobody knows' };
    assert.deepEqual(await scene.decide(request), left);
  });

  it('leaves to nobody what is not known yet', async () => {
    for (const request of [ofDriver(), ofDriver({ username: 'somebody' })]) {
      const scene = new Scene();
      const left = { decision: 'leave', message: 'not yet known to be ready: web' } as const;
      scene.judge = () => ({ ...left, because: 'not-ready' });
      assert.deepEqual(await scene.decide(request), left);
      assert.deepEqual(scene.counted, ['left: not-known-yet']);
    }
  });

  it('leaves to nobody what is for a pod, whatever is asked for and whoever asks in its name', async () => {
    const authority = { isCA: true, duration: '87600h', usages: ['cert sign' as const] };
    for (const request of [ofDriver(), ofPod(), ofDriver(authority)]) {
      const scene = new Scene();
      const left = { decision: 'leave', message: 'no policy applies' } as const;
      scene.judge = () => ({ ...left, because: 'no-policy' });
      assert.deepEqual(await scene.decide(request), left);
      assert.deepEqual(scene.counted, ['left: no-policy']);
    }
  });
});

describe('a request of anybody else', () => {
  it('is judged by what its requester may use, and as no pod, whatever it says', async () => {
    for (const username of ['system:serviceaccount:web:other', 'kubernetes-admin', `${driver}-2`]) {
      const scene = new Scene();
      await scene.decide(ofDriver({ username, groups: ['g'] }));
      const { extra } = ofDriver().spec;
      assert.deepEqual(scene.judged[0]?.subject, { username, groups: ['g'], ...(extra && { extra }) });
      assert.equal(scene.judged[0].pod, undefined);
    }
  });

  it('that has no requester is judged as nobody', async () => {
    const scene = new Scene();
    const { username: _, extra: __, ...spec } = ofDriver().spec;
    await scene.decide({ ...ofDriver(), spec });
    assert.deepEqual(scene.judged[0]?.subject, { username: '', groups: [] });
  });
});

describe('a CSR that cannot be read', () => {
  it('is denied to a driver', async () => {
    const scene = new Scene();
    assert.match(
      await scene.denial(ofDriver(), 'garbage'),
      /^spec\.request: not a usable certificate signing request: /,
    );
    assert.deepEqual(scene.counted, ['denied: unreadable']);
  });

  it('so is a duration that is none', async () => {
    assert.match(await new Scene().denial(ofDriver({ duration: 'soon' })), /^spec\.duration: /);
  });

  it('of somebody else is left to the check that follows approval', async () => {
    const scene = new Scene();
    const decision = await scene.decide(ofDriver({ username: 'somebody' }), 'garbage');
    assert.deepEqual(decision, { decision: 'approve', reason: 'others', message: '' });
    assert.deepEqual(scene.judged, []);
  });

  it('does not get a request through whose names are many', async () => {
    const scene = new Scene();
    const uris = ['spiffe://cluster.local/ns/web/sa/app', 'spiffe://cluster.local/ns/kube-system/sa/admin'];
    await scene.decide(ofDriver(), await newCsr({ altNames: { ...noAltNames, uris } }));
    assert.deepEqual(scene.judged[0]?.certificate.altNames.uris, uris);
  });
});
