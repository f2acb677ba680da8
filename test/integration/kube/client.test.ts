import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  isKubeError,
  KubeClient,
  type KubeFailure,
  kubeconfigConnection,
  type KubeObject,
  type Resource,
  type ResourceType,
} from '../../../src/kube/index.ts';
import { findBinaries } from '../../cluster/binaries.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import {
  clientOf,
  type ConfigMap,
  configMap,
  configMaps,
  deps,
  eventually,
  namespaces,
  serviceAccounts,
} from './support/api.ts';

interface Budget extends KubeObject {
  spec: { minAvailable: number };
  status?: Record<string, number>;
}

const budgets: ResourceType<Budget> = {
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  namespaced: true,
};

let cluster: ControlPlane;
let client: KubeClient;
let maps: Resource<ConfigMap>;

before(async () => {
  cluster = await startControlPlane({ controllerManager: false });
  client = await clientOf(cluster);
  maps = client.resource(configMaps);
  await client.resource(namespaces).create({ metadata: { name: 'web' } });
});
after(async () => {
  client.close();
  await cluster.stop();
});

function failsWith(failure: KubeFailure): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isKubeError(error, failure), String(error));
    return true;
  };
}

describe('the verbs, against a real API server', () => {
  it('create, get, replace, patch, list and delete', async () => {
    const key = { namespace: 'web', name: 'verbs' };
    const created = await maps.create(configMap('web', 'verbs', { suite: 'verbs' }), {
      fieldManager: 'test',
    });
    assert.ok(created.metadata.uid);
    const replaced = await maps.replace({ ...created, data: { a: '1' } });
    assert.notEqual(replaced.metadata.resourceVersion, created.metadata.resourceVersion);
    await assert.rejects(maps.replace({ ...created, data: { a: '2' } }), failsWith('conflict'));
    await maps.patch(key, { data: { b: '2' } });
    await maps.patch(key, [{ op: 'remove', path: '/data/a' }], { type: 'json' });
    await maps.patch(key, { data: { c: '3' } }, { type: 'strategic' });
    assert.deepEqual((await maps.get(key)).data, { b: '2', c: '3' });
    const { items } = await maps.list({ namespace: 'web', labelSelector: 'suite=verbs' });
    assert.deepEqual(
      items.map(({ metadata }) => metadata.name),
      ['verbs'],
    );
    await assert.rejects(maps.delete(key, { uid: 'another' }), failsWith('conflict'));
    await maps.delete(key, { uid: created.metadata.uid, propagationPolicy: 'Background' });
    await assert.rejects(maps.get(key), failsWith('not-found'));
  });

  it('create nothing on a dry run', async () => {
    const dry = await maps.create(configMap('web', 'dry'), { dryRun: true });
    assert.ok(dry.metadata.uid);
    await assert.rejects(maps.get({ namespace: 'web', name: 'dry' }), failsWith('not-found'));
  });

  it('write the status and nothing but the status', async () => {
    const resource = client.resource(budgets);
    const created = await resource.create({
      metadata: { namespace: 'web', name: 'b' },
      spec: { minAvailable: 1 },
    });
    const status = { currentHealthy: 1, desiredHealthy: 2, disruptionsAllowed: 0, expectedPods: 3 };
    await resource.replaceStatus({ ...created, spec: { minAvailable: 9 }, status });
    const read = await resource.get({ namespace: 'web', name: 'b' });
    assert.equal(read.spec.minAvailable, 1);
    assert.equal(read.status?.['expectedPods'], 3);
  });

  it('apply as an owner of fields', async () => {
    const base = { metadata: { namespace: 'web', name: 'applied' } };
    await maps.apply({ ...base, data: { a: '1', b: '1' } }, { fieldManager: 'one' });
    await assert.rejects(
      maps.apply({ ...base, data: { a: '2' } }, { fieldManager: 'two' }),
      failsWith('conflict'),
    );
    await maps.apply({ ...base, data: { a: '2' } }, { fieldManager: 'two', force: true });
    const read = await maps.apply({ ...base, data: {} }, { fieldManager: 'one' });
    assert.deepEqual(read.data, { a: '2' });
  });
});

describe('the reasons of real failures', () => {
  it('are told apart', async () => {
    await maps.create(configMap('web', 'taken'));
    await assert.rejects(maps.create(configMap('web', 'taken')), failsWith('already-exists'));
    await assert.rejects(maps.create(configMap('web', 'Not_A_Name')), (error) => {
      return (
        failsWith('invalid')(error) &&
        isKubeError(error) &&
        error.details?.causes?.[0]?.field === 'metadata.name'
      );
    });
    await assert.rejects(maps.create(configMap('nowhere', 'x')), failsWith('not-found'));
    const unknown = client.resource({ ...configMaps, group: 'none.example', plural: 'nones' });
    await assert.rejects(unknown.list(), failsWith('not-found'));
  });

  it('are forbidden for who may not, by a service account token', async () => {
    await client.resource(serviceAccounts).create({ metadata: { namespace: 'web', name: 'nobody' } });
    const nobody = await clientOf(cluster, { serviceAccount: { namespace: 'web', name: 'nobody' } });
    await assert.rejects(nobody.resource(configMaps).list(), (error) => {
      return failsWith('forbidden')(error) && String(error).includes('system:serviceaccount:web:nobody');
    });
    nobody.close();
  });

  it('are those of who a single call is for, although the connection shows a client certificate', async () => {
    await client.resource(serviceAccounts).create({ metadata: { namespace: 'web', name: 'somebody' } });
    const connection = await cluster.connection({ serviceAccount: { namespace: 'web', name: 'somebody' } });
    const token = await connection.token?.();
    const whoAmI = async (options?: { token: string | undefined }): Promise<string | undefined> => {
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
      const review = await client.request<{ status: { userInfo: { username: string } } }>(
        { method: 'POST', path, body },
        options,
      );
      return review.status.userInfo.username;
    };
    const admin = await whoAmI();
    assert.notEqual(admin, 'system:serviceaccount:web:somebody');
    for (let round = 0; round < 3; round++) {
      const names = await Promise.all([whoAmI({ token }), whoAmI(), whoAmI({ token })]);
      assert.deepEqual(names, [
        'system:serviceaccount:web:somebody',
        admin,
        'system:serviceaccount:web:somebody',
      ]);
    }
    await assert.rejects(maps.create(configMap('web', 'not-mine'), { token }), failsWith('forbidden'));
    await assert.rejects(whoAmI({ token: 'eyJhbGciOi' }), (error) => {
      return failsWith('unauthorized')(error) && !String(error).includes('eyJhbGciOi');
    });
  });

  it('are unauthorized for a token that is none, after another was asked for', async () => {
    const asked: boolean[] = [];
    const { server, ca } = await cluster.connection('admin');
    const stranger = new KubeClient(
      {
        connection: {
          server,
          ...(ca !== undefined && { ca }),
          token: (options) => {
            asked.push(options?.fresh === true);
            return Promise.resolve(`bad-${asked.length}`);
          },
        },
        userAgent: 'test',
      },
      deps,
    );
    await assert.rejects(stranger.resource(configMaps).list(), failsWith('unauthorized'));
    assert.ok(asked.includes(true));
    stranger.close();
  });

  it('are not retried for a server that cannot be trusted', async () => {
    const { server } = await cluster.connection('admin');
    let delays = 0;
    const random = (): number => (delays += 1) && 0;
    const trusting = new KubeClient({ connection: { server }, userAgent: 'test' }, { ...deps, random });
    await assert.rejects(trusting.resource(configMaps).list(), failsWith('unavailable'));
    assert.equal(delays, 0);
    trusting.close();
  });
});

describe('the ways to reach a server', () => {
  it('include a kubeconfig', async () => {
    const connection = await kubeconfigConnection(cluster.adminKubeconfig);
    const viaFile = new KubeClient({ connection, userAgent: 'test' }, deps);
    assert.equal(await viaFile.request({ method: 'GET', path: '/readyz' }), 'ok');
    viaFile.close();
  });

  it('include another name than the address has', async () => {
    const connection = { ...(await cluster.connection('admin')), tlsServerName: 'kubernetes.default.svc' };
    const named = new KubeClient({ connection, userAgent: 'test' }, deps);
    assert.equal(await named.request({ method: 'GET', path: '/livez' }), 'ok');
    named.close();
    const wrong = new KubeClient(
      { connection: { ...connection, tlsServerName: 'x.example' }, userAgent: 'test' },
      deps,
    );
    await assert.rejects(wrong.request({ method: 'GET', path: '/livez' }), failsWith('unavailable'));
    wrong.close();
  });

  it('include plain HTTP with a path prefix, as kubectl proxy serves it', async () => {
    const { kubectl } = await findBinaries(['kubectl'], { log: () => {} });
    const args = ['proxy', '--port=0', '--api-prefix=/here', `--kubeconfig=${cluster.adminKubeconfig}`];
    const proxy = await cluster.startProcess('kubectl-proxy', kubectl, args);
    let address: string | undefined;
    while (address === undefined) {
      const log = await readFile(join(cluster.dir, 'logs', 'kubectl-proxy.log'), 'utf8');
      address = /serve on (\S+)/.exec(log)?.[1];
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const plain = new KubeClient(
      { connection: { server: new URL(`http://${address}/here`) }, userAgent: 'test' },
      deps,
    );
    const created = await plain.resource(configMaps).create(configMap('web', 'plain'));
    assert.ok(created.metadata.uid);
    plain.close();
    await proxy.end('SIGKILL');
  });
});

describe('a server that is killed and started again', () => {
  it('costs the calls in between time, and no error', async () => {
    await cluster.killApiServer();
    const reading = maps.get({ namespace: 'web', name: 'taken' });
    const writing = maps.create(configMap('web', 'through-the-restart'));
    await cluster.startApiServer();
    assert.equal((await reading).metadata.name, 'taken');
    assert.equal((await writing).metadata.name, 'through-the-restart');
  });

  it('may leave pooled connections dead without a create noticing', async () => {
    await Promise.all(Array.from({ length: 8 }, () => maps.list({ namespace: 'web', limit: 1 })));
    await cluster.killApiServer();
    await cluster.startApiServer();
    const names = Array.from({ length: 16 }, (_, n) => `after-${n}`);
    const created = await Promise.all(names.map((name) => maps.create(configMap('web', name))));
    assert.deepEqual(
      created.map(({ metadata }) => metadata.name),
      names,
    );
  });

  it('under a storm of creates loses none, and makes none twice', async () => {
    const outcomes: Record<string, number> = { created: 0, 'already-exists': 0, unavailable: 0 };
    const names = Array.from({ length: 300 }, (_, n) => `storm-${n}`);
    const create = async (name: string): Promise<void> => {
      try {
        await maps.create(configMap('web', name, { suite: 'storm' }));
        outcomes['created'] = (outcomes['created'] ?? 0) + 1;
      } catch (error) {
        assert.ok(isKubeError(error, 'already-exists', 'unavailable', 'internal', 'timeout'), String(error));
        outcomes[error.reason] = (outcomes[error.reason] ?? 0) + 1;
        if (error.reason !== 'already-exists') {
          await create(name);
        }
      }
    };
    const storm = Promise.all(names.map(create));
    await eventually('some were created', () => (outcomes['created'] ?? 0) > 20);
    await cluster.killApiServer();
    await cluster.startApiServer();
    await storm;
    const { items } = await maps.list({ namespace: 'web', labelSelector: 'suite=storm' });
    assert.equal(items.length, 300);
  });

  it('ends the calls at their time when it stays away', async () => {
    await cluster.killApiServer();
    const startedAt = performance.now();
    await assert.rejects(
      maps.get({ namespace: 'web', name: 'taken' }, { timeoutMs: 1_500 }),
      failsWith('unavailable'),
    );
    assert.ok(performance.now() - startedAt > 300);
    await cluster.startApiServer();
  });
});
