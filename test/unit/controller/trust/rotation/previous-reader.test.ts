import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { issuerKeyText } from '../../../../../src/controller/issuers/issuer-key.ts';
import type { IssuerKey } from '../../../../../src/controller/issuers/issuer-key.ts';
import { PreviousReader } from '../../../../../src/controller/trust/rotation/previous-reader.ts';
import { KubeError } from '../../../../../src/kube/index.ts';
import { silentLogger } from '../../../../../src/runtime/log.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

const key: IssuerKey = { kind: 'Issuer', namespace: 'web', name: 'ca' };
const secret = { namespace: 'web', name: 'ca' };

let clock: FakeClock;
let reads: number;
let failure: Error | undefined;
let told: string[];
let reader: PreviousReader;

beforeEach(() => {
  clock = new FakeClock();
  reads = 0;
  failure = undefined;
  told = [];
  reader = new PreviousReader(
    {},
    {
      clock,
      random: () => 0,
      log: silentLogger,
      pairs: {
        get: () => undefined,
        read: async () => {
          reads += 1;
          if (failure) throw failure;
        },
      },
      onRead: (issuer) => void told.push(issuerKeyText(issuer)),
    },
  );
  void reader.run(new AbortController().signal);
});

describe('the pair beside the Secret of an issuer', () => {
  it('is read once, when it is first asked for', async () => {
    assert.equal(reader.get(key, secret), 'unread');
    assert.equal(reader.get(key, secret), 'unread');
    await clock.advance(0);
    assert.equal(reader.get(key, secret), undefined);
    assert.deepEqual([reads, told], [1, ['Issuer/web/ca']]);
  });

  it('is none at once where the controller may not read it', async () => {
    failure = new KubeError('forbidden', 'secrets is forbidden');
    reader.get(key, secret);
    await clock.advance(0);
    assert.equal(reader.get(key, secret), undefined);
    assert.equal(reads, 1);
  });

  it('is none after some failures, which hold up no other issuer', async () => {
    failure = new KubeError('internal', 'no such key');
    reader.get(key, secret);
    await clock.advance(100);
    assert.equal(reader.get(key, secret), 'unread');
    await clock.advance(10_000);
    assert.equal(reader.get(key, secret), undefined);
    assert.equal(reads, 3);
  });

  it('is read anew for an issuer that was forgotten', async () => {
    reader.get(key, secret);
    await clock.advance(0);
    reader.forget(key);
    assert.equal(reader.get(key, secret), 'unread');
    await clock.advance(0);
    assert.equal(reads, 2);
  });
});
