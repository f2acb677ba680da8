import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { CertificateRequest } from '../../../src/api/certificate-request.ts';
import { certificateRequests } from '../../../src/api/certificate-request.ts';
import type { Condition } from '../../../src/api/condition.ts';
import { clusterIssuers, issuers } from '../../../src/api/issuer.ts';
import type { KubeObject, ResourceType } from '../../../src/kube/index.ts';
import { isKubeError, KubeClient, systemClock } from '../../../src/kube/index.ts';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import { startControlPlane } from '../../cluster/control-plane.ts';
import { acme, invalidIssuers, issuer } from './invalid-issuers.ts';
import { whenEstablished } from '../../support/when-established.ts';

const crds = join(import.meta.dirname, '../../../deploy/crds');
const corpus = join(import.meta.dirname, 'corpus');
const crdNames = ['certificaterequests', 'issuers', 'clusterissuers'].map(
  (name) => `${name}.cert-manager.io`,
);
const timeout = 180_000;

let cluster: ControlPlane;
let client: KubeClient;
let serial = 0;

before(
  async () => {
    cluster = await startControlPlane({ controllerManager: false });
    await cluster.applyPath(crds);
    const connection = await cluster.connection('admin');
    client = new KubeClient({ connection, userAgent: 'test' }, { clock: systemClock, random: Math.random });
    await whenEstablished(client);
  },
  { timeout },
);

after(async () => {
  client?.close();
  await cluster?.stop();
});

const pem = Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\n').toString('base64');

function request(
  spec: Partial<CertificateRequest['spec']> = {},
  name = `request-${++serial}`,
): CertificateRequest {
  return {
    metadata: { name, namespace: 'default' },
    spec: { request: pem, issuerRef: { name: 'ca' }, ...spec },
  };
}

const create = (object: CertificateRequest): Promise<CertificateRequest> =>
  client.resource(certificateRequests).create(object);

function condition(type: string, status: Condition['status'] = 'True', reason = 'Test'): Condition {
  return { type, status, reason, message: `${type} by test`, lastTransitionTime: '2026-01-01T00:00:00Z' };
}

function withConditions(object: CertificateRequest, ...conditions: Condition[]): CertificateRequest {
  return { ...object, status: { ...object.status, conditions } };
}

const replaceStatus = (object: CertificateRequest): Promise<CertificateRequest> =>
  client.resource(certificateRequests).replaceStatus(object);

async function refused(call: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(isKubeError(error, 'invalid'), String(error));
    assert.match(error.message, message);
    return true;
  });
}

describe('the CRDs', { timeout }, () => {
  it('are taken by the API server without a complaint', async () => {
    const text = await cluster.kubectl(['get', 'crd', ...crdNames, '-o', 'json']);
    const { items } = JSON.parse(text) as { items: { status: { conditions: Condition[] } }[] };
    for (const { status } of items) {
      const found = Object.fromEntries(status.conditions.map(({ type, status }) => [type, status]));
      assert.equal(found['NamesAccepted'], 'True');
      assert.equal(found['Established'], 'True');
      assert.notEqual(found['NonStructuralSchema'], 'True');
    }
  });

  it('are explained by kubectl', async () => {
    const text = await cluster.kubectl(['explain', 'issuer.spec.acme.solvers.dns01.route53.hostedZoneID']);
    assert.match(text, /ID of the zone/);
  });

  it('have the short names and the category', async () => {
    for (const name of ['cr', 'crs', 'iss', 'ciss', 'cert-manager']) {
      await cluster.kubectl(['get', name, '-A']);
    }
  });

  it('show the columns that people know', async () => {
    await create(withConditions(request({ username: 'alice' }, 'columns')));
    const header = async (...args: string[]): Promise<string[]> => {
      const text = await cluster.kubectl(['get', ...args]);
      return (text.split('\n')[0] ?? '').trim().split(/\s{2,}/);
    };
    const columns = ['NAME', 'APPROVED', 'DENIED', 'READY', 'ISSUER', 'REQUESTER'];
    assert.deepEqual(await header('cr', 'columns'), [...columns, 'AGE']);
    assert.deepEqual(await header('cr', 'columns', '-o', 'wide'), [...columns, 'STATUS', 'AGE']);

    const object = await client.resource(issuers).create(issuer({ selfSigned: {} }));
    await client.resource(issuers).replaceStatus({ ...object, status: { conditions: [condition('Ready')] } });
    const name = object.metadata.name ?? '';
    assert.deepEqual(await header('iss', name), ['NAME', 'READY', 'AGE']);
    assert.deepEqual(await header('iss', name, '-o', 'wide'), ['NAME', 'READY', 'STATUS', 'AGE']);
    assert.match(await cluster.kubectl(['get', 'iss', name, '-o', 'wide']), /True\s+Ready by test\s+\d+s/);
  });

  it('let requests be selected by their issuer', async () => {
    const issuerRef = { name: 'selected', kind: 'ClusterIssuer', group: 'cert-manager.io' };
    await create(request({ issuerRef }, 'selected'));
    for (const field of ['name=selected', 'kind=ClusterIssuer', 'group=cert-manager.io']) {
      const fieldSelector = `spec.issuerRef.${field}`;
      const { items } = await client
        .resource(certificateRequests)
        .list({ namespace: 'default', fieldSelector });
      const names = items.map((item) => item.metadata.name);
      assert.ok(names.includes('selected') && !names.includes('columns'), `${field}: ${names.join()}`);
    }
  });
});

describe('objects made for cert-manager', { timeout }, () => {
  const types: Record<string, ResourceType<KubeObject>> = {
    CertificateRequest: certificateRequests,
    Issuer: issuers,
    ClusterIssuer: clusterIssuers,
  };
  for (const file of readdirSync(corpus)) {
    for (const document of parseAllDocuments(readFileSync(join(corpus, file), 'utf8'))) {
      const object = document.toJS() as KubeObject;
      it(`are read back as they were written: ${object.kind} ${object.metadata.name}`, async () => {
        await cluster.kubectl(['create', '--validate=strict', '-f', '-'], JSON.stringify(object));
        const { namespace = '', name = '' } = object.metadata;
        const type = types[object.kind ?? ''];
        assert.ok(type);
        const { metadata, ...read } = await client.resource(type).get({ namespace, name });
        const { metadata: written, ...rest } = object;
        assert.deepEqual(read, rest);
        assert.deepEqual(metadata.annotations, written.annotations);
        assert.deepEqual(metadata.labels, written.labels);
      });
    }
  }

  it('keep their status', async () => {
    const object = await client.resource(issuers).create(acme({ http01: { ingress: {} } }));
    const status = {
      conditions: [{ ...condition('Ready', 'True', 'ACMEAccountRegistered'), observedGeneration: 1 }],
      acme: { uri: 'https://acme/acct/1', lastRegisteredEmail: 'a@b', lastPrivateKeyHash: 'aGFzaA==' },
    };
    const read = await client.resource(issuers).replaceStatus({ ...object, status });
    assert.deepEqual(read.status, status);

    const made = await create(request());
    const issued = {
      conditions: [condition('Approved', 'True', 'cert-manager.io'), condition('Ready', 'True', 'Issued')],
      certificate: pem,
      ca: pem,
      failureTime: '2026-01-01T00:00:00Z',
    };
    assert.deepEqual((await replaceStatus({ ...made, status: issued })).status, issued);
  });

  it('get group and kind of a Gateway filled in, as from cert-manager', async () => {
    const object = acme({ http01: { gatewayHTTPRoute: { parentRefs: [{ name: 'g' }] } } });
    const read = await client.resource(issuers).create(object);
    assert.deepEqual(read.spec.acme?.solvers?.[0]?.http01?.gatewayHTTPRoute?.parentRefs, [
      { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'g' },
    ]);
  });

  it('give each controller its own condition under server-side apply', async () => {
    const { metadata } = await create(request());
    const resource = client.resource(certificateRequests);
    const key = { name: metadata.name ?? '', namespace: 'default' };
    for (const type of ['Approved', 'Ready']) {
      const object = withConditions({ metadata: key } as CertificateRequest, condition(type));
      await resource.apply(object, { fieldManager: type, subresource: 'status' });
    }
    const { status } = await resource.get(key);
    assert.deepEqual(
      status?.conditions?.map(({ type }) => type),
      ['Approved', 'Ready'],
    );
  });
});

describe('a CertificateRequest', { timeout }, () => {
  it('does not change after creation', async () => {
    const made = await create(request({ groups: ['a'], extra: { x: ['y'] } }));
    const resource = client.resource(certificateRequests);
    const changes: Partial<CertificateRequest['spec']>[] = [
      { request: Buffer.from('other').toString('base64') },
      { issuerRef: { name: 'other' } },
      { isCA: true },
      { usages: ['any'] },
      { duration: '1h' },
      { username: 'mallory' },
      { groups: ['system:masters'] },
      { extra: { x: ['z'] } },
    ];
    for (const change of changes) {
      const changed = { ...made, spec: { ...made.spec, ...change } };
      await refused(resource.replace(changed), /cannot change spec after creation/);
    }
    const labelled = { ...made, metadata: { ...made.metadata, labels: { a: 'b' } } };
    assert.equal((await resource.replace(labelled)).metadata.labels?.['a'], 'b');
  });

  const invalid: [what: string, spec: object, message: RegExp][] = [
    ['without a request', { request: '' }, /spec\.request/],
    ['with a request that is not base64', { request: '%%%' }, /spec\.request/],
    ['without an issuer', { issuerRef: { name: '' } }, /spec\.issuerRef\.name: .*must be specified/],
    [
      'with an unknown usage',
      { usages: ['serverAuth'] },
      /spec\.usages\[0\]: Unsupported value: "serverAuth"/,
    ],
    ['with a duration in days', { duration: '90d' }, /spec\.duration/],
    [
      'with an unknown kind of issuer',
      { issuerRef: { name: 'ca', kind: 'Isuer' } },
      /spec\.issuerRef\.kind: .*must be one of Issuer or ClusterIssuer \(did you forget to set spec\.issuerRef\.group\?\)/,
    ],
    [
      'with a kind of issuer that the group has not',
      { issuerRef: { name: 'ca', kind: 'Vault', group: 'cert-manager.io' } },
      /must be one of Issuer or ClusterIssuer$/m,
    ],
  ];
  for (const [what, spec, message] of invalid) {
    it(`is refused ${what}`, () => refused(create(request(spec)), message));
  }

  it('is approved or denied, not both', async () => {
    const made = await create(request());
    const both = withConditions(made, condition('Approved'), condition('Denied'));
    await refused(replaceStatus(both), /both 'Denied' and 'Approved' conditions cannot coexist/);
    const approved = await replaceStatus(withConditions(made, condition('Approved')));
    await refused(
      replaceStatus(withConditions(approved, condition('Approved'), condition('Denied'))),
      /cannot coexist/,
    );
  });

  it('is approved and denied by True only', async () => {
    const made = await create(request());
    for (const type of ['Approved', 'Denied']) {
      for (const status of ['False', 'Unknown'] as const) {
        await refused(
          replaceStatus(withConditions(made, condition(type, status))),
          new RegExp(`'${type}' condition may only be set to True`),
        );
      }
    }
  });

  for (const type of ['Approved', 'Denied']) {
    it(`keeps the condition ${type} as it was set`, async () => {
      const made = await create(request());
      const decided = await replaceStatus(withConditions(made, condition(type)));
      const never = new RegExp(`'${type}' condition may not be modified once set`);
      const again = { ...condition(type), message: 'another' };
      await refused(replaceStatus(withConditions(decided, again)), never);
      await refused(replaceStatus(withConditions(decided)), never);
      await refused(replaceStatus(withConditions(decided, condition('Ready', 'False'))), never);
      const later = withConditions(decided, condition('Ready', 'False', 'Pending'), condition(type));
      assert.equal((await replaceStatus(later)).status?.conditions?.length, 2);
    });

    it(`keeps the condition ${type} when the status or its conditions are taken away`, async () => {
      const decided = await replaceStatus(withConditions(await create(request()), condition(type)));
      const { status: _status, ...without } = decided;
      await refused(replaceStatus(without), /may not be modified once set/);
      await refused(replaceStatus({ ...without, status: {} }), /may not be modified once set/);
      await refused(
        replaceStatus({ ...without, status: { certificate: pem } }),
        /may not be modified once set/,
      );
    });
  }
});

describe('an Issuer', { timeout }, () => {
  for (const [what, object, message] of invalidIssuers) {
    it(`is refused ${what}`, () => refused(client.resource(issuers).create(object), message));
  }

  it('may change, also its type', async () => {
    const made = await client.resource(issuers).create(issuer({ selfSigned: {} }));
    const changed = await client.resource(issuers).replace({ ...made, spec: { ca: { secretName: 'ca' } } });
    assert.equal(changed.metadata.generation, 2);
  });
});
