import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Issuance } from '../../../../../src/driver/volume/issuance/issuance.ts';
import type { RequesterIdentity } from '../../../../../src/driver/volume/issuance/requester.ts';
import { VolumeError, type VolumeFailure } from '../../../../../src/driver/volume/volume-error.ts';
import { KubeError, type KubeFailure, Reflector } from '../../../../../src/kube/index.ts';
import { parseRequest } from '../../../../../src/pki/index.ts';
import { FakeClock, settle } from '../../../../support/fake-clock.ts';
import { Authority, condition, deniedStatus, failedStatus, newKey } from '../../support/authority.ts';
import { failure, gate, driverName, nodeName, specOf } from '../../support/builders.ts';
import { FakeApi } from '../../support/fake-api.ts';
import { quiet } from '../../support/test-node.ts';

const authority = await Authority.create(Date.UTC(2026, 0, 1));
const timeUp = new VolumeError('not-issued-yet', 'the deadline of the call is reached');
const spec = specOf();
let key: KeyObject;
let clock: FakeClock;
let api: FakeApi;
let issuance: Issuance;
let requester: () => Promise<RequesterIdentity>;
let stop: AbortController;
let caller: AbortController;

beforeEach(async () => {
  key = await newKey();
  clock = new FakeClock();
  api = new FakeApi(clock, (request) => authority.sign(request, clock.now()));
  requester = async () => ({ username: 'driver' });
  stop = new AbortController();
  caller = new AbortController();
  const reflector = new Reflector({ resource: api }, { clock, random: () => 0 });
  issuance = new Issuance(
    { driverName, nodeName },
    { requests: api, reflector, clock, requester: () => requester(), observe: () => {} },
  );
  void reflector.run(stop.signal);
  await settle();
});
afterEach(() => stop.abort());

const obtain = (name = 'api-0-1') => issuance.obtain(spec, key, name, caller.signal);

describe('obtaining a certificate', () => {
  it('asks for the names of the volume with its key, in the name of the driver', async () => {
    const { certificates, ca } = await obtain();
    assert.match(certificates, /^-----BEGIN CERTIFICATE-----/);
    assert.equal(ca, authority.certificate.pem);
    const [request] = api.created;
    assert.ok(request);
    const parsed = parseRequest(Buffer.from(request.spec.request, 'base64').toString());
    assert.deepEqual(parsed.altNames.uris, ['spiffe://cluster.local/ns/web/sa/api']);
    assert.equal(request.spec.username, 'driver');
    assert.doesNotMatch(JSON.stringify(request), /PRIVATE/);
  });

  it('is repeated without another request', async () => {
    const first = await obtain();
    assert.deepEqual(await obtain(), first);
    assert.equal(api.created.length, 1);
  });

  it('goes on with a request whose creation seemed to fail', async () => {
    api.afterCreate = async () => {
      throw new KubeError('unavailable', 'connection reset');
    };
    api.answer = async () => undefined;
    await assert.rejects(obtain(), failure('api-unavailable', 'connection reset'));
    api.afterCreate = undefined;
    const again = obtain();
    await settle();
    const [request] = api.requests;
    api.setStatus('api-0-1', await authority.sign(request ?? assert.fail(), clock.now()));
    await again;
    assert.equal(api.created.length, 1);
  });

  it('waits for a Ready condition that comes with a certificate', async () => {
    api.answer = async () => ({
      conditions: [condition('Approved', 'True', 'ok'), condition('Ready', 'True', 'Issued')],
    });
    const waiting = obtain();
    await quiet();
    api.setStatus('api-0-1', await authority.sign(api.requests[0] ?? assert.fail(), clock.now()));
    assert.match((await waiting).certificates, /BEGIN CERTIFICATE/);
  });
});

describe('a request that gets nothing', () => {
  it('denied: says who said no and why', async () => {
    api.answer = async () => deniedStatus('names under web.svc only');
    await assert.rejects(
      obtain(),
      failure('denied', 'CertificateRequest web/api-0-1 was denied: names under web.svc only'),
    );
  });

  it('denied by its Ready condition only, as by issuers that set no more', async () => {
    api.answer = async () => ({ conditions: [condition('Ready', 'False', 'Denied', 'no')] });
    await assert.rejects(obtain(), failure('issuance-failed', 'failed: no'));
  });

  it('failed: has the message of the issuer', async () => {
    api.answer = async () => failedStatus('vault is sealed');
    await assert.rejects(
      obtain(),
      failure('issuance-failed', 'CertificateRequest web/api-0-1 failed: vault is sealed'),
    );
  });

  it('invalid: has the message of who found it so', async () => {
    api.answer = async () => ({ conditions: [condition('InvalidRequest', 'True', 'Bad', 'usages differ')] });
    await assert.rejects(obtain(), failure('issuance-failed', 'is invalid: usages differ'));
  });

  it('denied without a word', async () => {
    api.answer = async () => ({ conditions: [{ type: 'Denied', status: 'True' }] });
    await assert.rejects(obtain(), failure('denied', 'no reason was given'));
  });

  for (const [status, message] of [
    [undefined, 'has not been approved yet'],
    [{ conditions: [condition('Approved', 'True', 'ok')] }, 'is approved and waits for its issuer'],
    [
      {
        conditions: [
          condition('Approved', 'True', 'ok'),
          condition('Ready', 'False', 'Pending', 'Issuer ca is not ready'),
        ],
      },
      'is not ready: Issuer ca is not ready',
    ],
  ] as const) {
    it(`at the deadline: ${message}`, async () => {
      api.answer = async () => (status === undefined ? undefined : { conditions: [...status.conditions] });
      const waiting = assert.rejects(
        obtain(),
        failure('not-issued-yet', `CertificateRequest web/api-0-1 ${message}`),
      );
      await quiet();
      caller.abort(timeUp);
      await waiting;
    });
  }

  it('deleted while it is waited for: says so at once', async () => {
    api.answer = async () => undefined;
    const waiting = assert.rejects(obtain(), failure('not-issued-yet', 'was deleted before it was answered'));
    await quiet();
    await api.delete({ namespace: 'web', name: 'api-0-1' });
    await waiting;
  });
});

describe('a caller that breaks off', () => {
  for (const reason of ['cancelled', 'shutting-down'] as const) {
    it(`is told why: ${reason}`, async () => {
      api.answer = async () => undefined;
      const waiting = assert.rejects(obtain(), failure(reason, 'the reason'));
      await quiet();
      caller.abort(new VolumeError(reason, 'the reason'));
      await waiting;
    });

    it(`is told why, also while the request is being created: ${reason}`, async () => {
      api.beforeCreate = () => gate().opened;
      const waiting = assert.rejects(obtain(), failure(reason, 'the reason'));
      await quiet();
      caller.abort(new VolumeError(reason, 'the reason'));
      await waiting;
    });
  }

  it('does not wait for an API server that does not say who the driver is', async () => {
    requester = () => new Promise(() => {});
    const waiting = assert.rejects(obtain(), failure('api-unavailable', 'who the driver is'));
    await quiet();
    caller.abort(timeUp);
    await waiting;
  });
});

describe('an API server that does not take the request', () => {
  const expected: Record<KubeFailure, VolumeFailure | undefined> = {
    'not-found': 'api-refused',
    'already-exists': undefined,
    conflict: 'api-unavailable',
    forbidden: 'api-refused',
    unauthorized: 'api-refused',
    invalid: 'api-refused',
    'bad-request': 'api-refused',
    gone: 'api-refused',
    'too-many-requests': 'api-unavailable',
    timeout: 'api-unavailable',
    unavailable: 'api-unavailable',
    aborted: 'api-unavailable',
    internal: 'api-unavailable',
  };
  for (const [reason, result] of Object.entries(expected) as [KubeFailure, VolumeFailure | undefined][]) {
    if (result === undefined) continue;
    it(`${reason}: ${result}, with its words`, async () => {
      api.beforeCreate = async () => {
        throw new KubeError(reason, 'POST /x: these words');
      };
      await assert.rejects(obtain(), failure(result, 'these words'));
    });
  }

  it('is told apart by what can be done: a missing resource type', async () => {
    api.beforeCreate = async () => {
      throw new KubeError('not-found', 'POST /x: 404');
    };
    await assert.rejects(
      obtain(),
      failure('api-refused', 'is the CertificateRequest resource of cert-manager.io/v1 installed'),
    );
  });

  it('does not say who we are', async () => {
    requester = async () => {
      throw new KubeError('forbidden', 'no');
    };
    await assert.rejects(obtain(), failure('api-unavailable', 'did not tell who the driver is'));
    assert.equal(api.created.length, 0);
  });
});

describe("a driver's token that was replaced since the request was made out", () => {
  const withId = (id: string): RequesterIdentity => ({ username: 'driver', extra: { id: [id] } });

  it('is told of by admission, and the request is made out anew', async () => {
    const identities = [withId('old'), withId('new')];
    requester = async () => identities.shift() ?? assert.fail('asked too often');
    api.beforeCreate = async (request) => {
      if (request.spec.extra?.['id']?.[0] === 'old') throw new KubeError('invalid', 'differs in [id]');
    };
    await obtain();
    assert.deepEqual(
      api.created.map(({ spec: { extra } }) => extra),
      [{ id: ['new'] }],
    );
  });

  it('is not the reason when the driver is who it was, nor of another refusal', async () => {
    let asked = 0;
    const same = withId('same');
    requester = async () => {
      asked += 1;
      return same;
    };
    for (const [reason, times] of [
      ['invalid', 2],
      ['forbidden', 1],
    ] as const) {
      asked = 0;
      api.beforeCreate = async () => {
        throw new KubeError(reason, 'these words');
      };
      await assert.rejects(obtain(), failure('api-refused', 'these words'));
      assert.equal(asked, times);
    }
  });
});

describe("in the name of the pod's service account", () => {
  /** What the API server was shown, call by call. */
  const shown: (string | undefined)[] = [];
  let podToken: (volumeId: string) => string;
  let failing: Error | undefined;

  beforeEach(() => {
    shown.length = 0;
    podToken = (volumeId) => `token of ${volumeId}`;
    failing = undefined;
    const reflector = new Reflector({ resource: api }, { clock, random: () => 0 });
    issuance = new Issuance(
      { driverName, nodeName },
      {
        requests: {
          create: async (object, options) => {
            shown.push(options?.token);
            if (failing !== undefined) throw failing;
            return api.create(object, options);
          },
        },
        reflector,
        clock,
        requester: async (token) => ({ username: `owner of ${token}` }),
        podToken: (volumeId) => podToken(volumeId),
        observe: () => {},
      },
    );
    void reflector.run(stop.signal);
  });

  it('the request is created with its token and says whose it is', async () => {
    await obtain();
    assert.deepEqual(shown, ['token of csi-1']);
    assert.equal(api.created[0]?.spec.username, 'owner of token of csi-1');
    assert.doesNotMatch(JSON.stringify(api.created[0]?.metadata), /token of/);
  });

  it('nothing is asked for without a token, and it is not the fault of the pod', async () => {
    podToken = () => {
      throw new VolumeError('not-issued-yet', 'waits for the kubelet');
    };
    await assert.rejects(obtain(), failure('not-issued-yet', 'waits for the kubelet'));
    assert.deepEqual(shown, []);
  });

  it('a request that is there already needs no token', async () => {
    await obtain();
    podToken = () => assert.fail('asked for a token');
    assert.match((await obtain()).certificates, /BEGIN CERTIFICATE/);
  });

  it('a token that the API server does not take any more is waited for again', async () => {
    failing = new KubeError('unauthorized', 'POST /x: 401 Unauthorized');
    await assert.rejects(
      obtain(),
      failure('not-issued-yet', 'does not accept the token of service account web/api', 'kubelet'),
    );
  });

  it('a service account that may not create requests is told so', async () => {
    failing = new KubeError(
      'forbidden',
      'POST /x: 403 Forbidden: User "system:serviceaccount:web:api" cannot',
    );
    await assert.rejects(obtain(), failure('api-refused', 'User "system:serviceaccount:web:api" cannot'));
  });
});
