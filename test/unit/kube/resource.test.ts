import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isKubeError, type KubeObject, type Resource, type ResourceType } from '../../../src/kube/index.ts';
import { FakeApiServer, json, type Received } from './fakes/api-server.ts';
import { type ConfigMap, configMap, configMaps } from './fakes/config-maps.ts';

const clusterIssuers: ResourceType<KubeObject> = {
  group: 'cert-manager.io',
  version: 'v1',
  kind: 'ClusterIssuer',
  plural: 'clusterissuers',
  namespaced: false,
};
const key = { namespace: 'web', name: 'x' };

async function sent(act: (resource: Resource<ConfigMap>) => Promise<unknown>): Promise<Received> {
  await using server = await FakeApiServer.start(json(configMap('x')));
  await act(server.client().resource(configMaps));
  const [received] = server.received;
  assert.ok(received);
  return received;
}

function bodyOf(received: Received): unknown {
  return JSON.parse(received.body);
}

describe('the verbs of a resource', () => {
  it('get, of a namespaced and of a cluster-scoped object', async () => {
    await using server = await FakeApiServer.start(json({}));
    const client = server.client();
    await client.resource(configMaps).get(key);
    await client.resource(clusterIssuers).get({ name: 'ca' });
    assert.deepEqual(
      server.received.map(({ method, url }) => `${method} ${url}`),
      ['GET /api/v1/namespaces/web/configmaps/x', 'GET /apis/cert-manager.io/v1/clusterissuers/ca'],
    );
  });

  it('list, in one namespace and in all, with selectors and pages', async () => {
    await using server = await FakeApiServer.start(json({ metadata: {}, items: [] }));
    const resource = server.client().resource(configMaps);
    await resource.list();
    await resource.list({
      namespace: 'web',
      labelSelector: 'a in (b,c),!d',
      fieldSelector: 'metadata.name=x',
      limit: 5,
      continue: 'a+b/c=',
    });
    assert.equal(server.received[0]?.url, '/api/v1/configmaps');
    const url = new URL(server.received[1]?.url ?? '', server.url);
    assert.equal(url.pathname, '/api/v1/namespaces/web/configmaps');
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      labelSelector: 'a in (b,c),!d',
      fieldSelector: 'metadata.name=x',
      limit: '5',
      continue: 'a+b/c=',
    });
  });

  it('list nothing of an answer that is no list, such as the page of a proxy', async () => {
    const page = '<html>log in</html>';
    await using server = await FakeApiServer.start(
      (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(page),
    );
    await assert.rejects(
      server.client().resource(configMaps).list(),
      (error) => isKubeError(error, 'internal') && /no list: a proxy/.test(error.message),
    );
  });

  it('create, with apiVersion and kind filled in', async () => {
    const received = await sent((resource) => {
      return resource.create(
        { metadata: { namespace: 'web', name: 'x' } },
        { fieldManager: 'me', dryRun: true },
      );
    });
    assert.equal(received.method, 'POST');
    assert.equal(received.url, '/api/v1/namespaces/web/configmaps?fieldManager=me&dryRun=All');
    assert.equal(received.headers['content-type'], 'application/json');
    assert.deepEqual(bodyOf(received), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'web', name: 'x' },
    });
  });

  it('replace, and replace the status', async () => {
    const whole = await sent((resource) => resource.replace(configMap('x', 7)));
    assert.equal(`${whole.method} ${whole.url}`, 'PUT /api/v1/namespaces/web/configmaps/x');
    const status = await sent((resource) => resource.replaceStatus(configMap('x', 7)));
    assert.equal(`${status.method} ${status.url}`, 'PUT /api/v1/namespaces/web/configmaps/x/status');
  });

  it('patch, of three kinds', async () => {
    const merge = await sent((resource) => resource.patch(key, { data: { a: null } }));
    assert.equal(merge.headers['content-type'], 'application/merge-patch+json');
    assert.deepEqual(bodyOf(merge), { data: { a: null } });
    const patch = [{ op: 'remove', path: '/data' }];
    const operations = await sent((resource) =>
      resource.patch(key, patch, { type: 'json', subresource: 'status' }),
    );
    assert.equal(operations.headers['content-type'], 'application/json-patch+json');
    assert.equal(operations.url, '/api/v1/namespaces/web/configmaps/x/status');
    const strategic = await sent((resource) => resource.patch(key, {}, { type: 'strategic' }));
    assert.equal(strategic.headers['content-type'], 'application/strategic-merge-patch+json');
  });

  it('apply, without the managedFields of what was read', async () => {
    const object = { ...configMap('x'), data: { a: 'b' } };
    object.metadata.managedFields = [{}];
    const received = await sent((resource) => resource.apply(object, { fieldManager: 'me', force: true }));
    assert.equal(received.method, 'PATCH');
    assert.equal(received.url, '/api/v1/namespaces/web/configmaps/x?fieldManager=me&force=true');
    assert.equal(received.headers['content-type'], 'application/apply-patch+yaml');
    assert.deepEqual(bodyOf(received), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'web', name: 'x', uid: 'uid-x' },
      data: { a: 'b' },
    });
  });

  it('delete, with preconditions', async () => {
    const plain = await sent((resource) => resource.delete(key));
    assert.equal(plain.body, '');
    const careful = await sent((resource) => {
      return resource.delete(key, { uid: 'u', propagationPolicy: 'Foreground', gracePeriodSeconds: 0 });
    });
    assert.equal(`${careful.method} ${careful.url}`, 'DELETE /api/v1/namespaces/web/configmaps/x');
    assert.deepEqual(bodyOf(careful), {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid: 'u' },
      propagationPolicy: 'Foreground',
      gracePeriodSeconds: 0,
    });
  });
});

describe('a name that no object can have', () => {
  for (const name of ['', '.', '..', 'a/b', '%2e%2e']) {
    it(`${JSON.stringify(name)} reaches no path`, async () => {
      await using server = await FakeApiServer.start(json({}));
      const resource = server.client().resource(configMaps);
      const refused = (error: unknown): boolean => isKubeError(error, 'bad-request');
      await assert.rejects(resource.delete({ namespace: 'web', name }), refused);
      await assert.rejects(resource.get({ namespace: name, name: 'x' }), refused);
      assert.equal(server.received.length, 0);
    });
  }

  it('cannot break out of its part of the path', async () => {
    const received = await sent((resource) => resource.get({ namespace: 'web', name: 'a?b#c d' }));
    assert.equal(received.url, '/api/v1/namespaces/web/configmaps/a%3Fb%23c%20d');
  });
});
