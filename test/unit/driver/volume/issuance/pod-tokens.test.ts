import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { learnTokens, PodTokens } from '../../../../../src/driver/volume/issuance/pod-tokens.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';
import { failure, hour, minute, sourceOf } from '../../support/builders.ts';

const key = 'csi.storage.k8s.io/serviceAccount.tokens';
let clock: FakeClock;
let tokens: PodTokens;

beforeEach(() => {
  clock = new FakeClock();
  tokens = new PodTokens({}, { clock });
});

/** As the kubelet writes it. */
function handedOver(token: string, options: { audience?: string; lifetime?: number } = {}): string {
  const { audience = '', lifetime = hour } = options;
  const expirationTimestamp = new Date(clock.now() + lifetime).toISOString().replace(/\.\d+/, '');
  return JSON.stringify({ [audience]: { token, expirationTimestamp } });
}

/** A publish that brings this, in the secrets or in the context. */
function publish(secret: string | undefined, context?: string, volumeId = 'csi-1'): void {
  tokens.learn({
    ...sourceOf('/target', context === undefined ? {} : { [key]: context }, volumeId),
    secrets: secret === undefined ? {} : { [key]: secret },
  });
}

const waits = failure('not-issued-yet', 'waits for the kubelet', 'requiresRepublish', 'tokenRequests');

describe("the token of a pod's service account", () => {
  it('is the one that the kubelet handed over last, of the same volume', () => {
    publish(handedOver('first'));
    publish(handedOver('of another'), undefined, 'csi-2');
    publish(handedOver('second'));
    assert.equal(tokens.tokenOf('csi-1'), 'second');
    assert.equal(tokens.tokenOf('csi-2'), 'of another');
  });

  it('comes in the secrets, and from kubelets that know no better in the context', () => {
    publish(undefined, handedOver('from the context'));
    assert.equal(tokens.tokenOf('csi-1'), 'from the context');
    // Of the two only the kubelet writes the secrets when it puts tokens there.
    publish(handedOver('from the secrets'), handedOver('from the pod spec'));
    assert.equal(tokens.tokenOf('csi-1'), 'from the secrets');
  });

  it('is waited for after a restart, and when it has expired', async () => {
    assert.throws(() => tokens.tokenOf('csi-1'), waits);
    publish(handedOver('short', { lifetime: 10 * minute }));
    await clock.advance(10 * minute - 1_000);
    assert.equal(tokens.tokenOf('csi-1'), 'short');
    await clock.advance(1_000);
    assert.throws(() => tokens.tokenOf('csi-1'), waits);
  });

  it('outlives a publish without a token', () => {
    publish(handedOver('kept'));
    publish(undefined);
    assert.equal(tokens.tokenOf('csi-1'), 'kept');
  });

  it('is forgotten with its volume', () => {
    publish(handedOver('gone'));
    tokens.forget('csi-1');
    assert.throws(() => tokens.tokenOf('csi-1'), waits);
  });

  it("is none that is for others than the API server, and nothing that is not the kubelet's", () => {
    for (const text of [
      handedOver('vault only', { audience: 'vault' }),
      handedOver(''),
      '{"":{"token":"x","expirationTimestamp":"never"}}',
      '{"":{"token":7,"expirationTimestamp":"2030-01-01T00:00:00Z"}}',
      '{"":null}',
      'null',
      '[]',
      '"eyJhbGciOi"',
      '{"":{"token":"eyJhbGciOi',
      '',
    ]) {
      publish(text);
      assert.throws(() => tokens.tokenOf('csi-1'), waits, text);
    }
  });

  it('is in no error, neither one that has expired nor one that cannot be read', async () => {
    publish(handedOver('eyJhbGciOi-secret', { lifetime: minute }));
    await clock.advance(hour);
    publish('{"":{"token":"eyJhbGciOi');
    assert.throws(
      () => tokens.tokenOf('csi-1'),
      (error) => !/eyJhbGciOi/.test(inspect(error, { depth: 9 })),
    );
  });
});

describe('the calls of the kubelet', () => {
  const signal = new AbortController().signal;

  it('bring tokens before the volume is published, and take them along when it is not any more', async () => {
    const seen: string[] = [];
    const volumes = learnTokens(
      {
        publish: async ({ volumeId }) => void seen.push(tokens.tokenOf(volumeId)),
        unpublish: async (volumeId) => void seen.push(`still ${tokens.tokenOf(volumeId)}`),
      },
      tokens,
    );
    await volumes.publish({ ...sourceOf('/target'), secrets: { [key]: handedOver('fresh') } }, signal);
    await volumes.unpublish('csi-1', '/target', signal);
    assert.deepEqual(seen, ['fresh', 'still fresh']);
    assert.throws(() => tokens.tokenOf('csi-1'), waits);
  });

  it('keep the token of a volume that could not be unpublished', async () => {
    const unpublish = (): Promise<void> => Promise.reject(new Error('busy'));
    const volumes = learnTokens({ publish: async () => {}, unpublish }, tokens);
    await volumes.publish({ ...sourceOf('/target'), secrets: { [key]: handedOver('kept') } }, signal);
    await assert.rejects(volumes.unpublish('csi-1', '/target', signal), /busy/);
    assert.equal(tokens.tokenOf('csi-1'), 'kept');
  });
});
