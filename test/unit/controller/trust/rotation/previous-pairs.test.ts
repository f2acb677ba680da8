import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Secret } from '../../../../../src/api/core.ts';
import { readCaKeyPair } from '../../../../../src/controller/issuers/ca/ca-key-pair.ts';
import {
  previousKey,
  previousPairLabel,
  PreviousPairs,
} from '../../../../../src/controller/trust/rotation/previous-pairs.ts';
import type { KeptPair } from '../../../../../src/controller/trust/rotation/previous-pairs.ts';
import { KubeError } from '../../../../../src/kube/index.ts';
import type { ObjectKey } from '../../../../../src/kube/index.ts';
import { caSecret, newCa } from '../../builders.ts';

const beside = { namespace: 'web', name: 'ca' };
const owner = { apiVersion: 'cert-manager.io/v1', kind: 'Issuer', name: 'ca', uid: 'issuer-1' };
const ca = await newCa();
const kept = ((): KeptPair => {
  const secret = caSecret(ca);
  const read = readCaKeyPair(secret);
  assert.ok(read.usable);
  return { pair: read.keyPair, secret };
})();

/** Secrets as an API server has them, which counts what is asked for. */
class Secrets {
  readonly stored: Secret[] = [];
  #version = 0;

  get = async ({ name }: ObjectKey): Promise<Secret> => {
    const found = this.stored.find(({ metadata }) => metadata.name === name);
    if (!found) throw new KubeError('not-found', 'there is none');
    return found;
  };
  create = async (secret: Secret): Promise<Secret> => {
    const isThere = this.stored.some(({ metadata }) => metadata.name === secret.metadata.name);
    if (isThere) throw new KubeError('already-exists', 'there is one');
    const created = this.#next(secret);
    this.stored.push(created);
    return created;
  };
  replace = async (secret: Secret): Promise<Secret> => {
    const at = this.#checked(secret.metadata.name, secret.metadata.resourceVersion);
    const replaced = this.#next(secret);
    this.stored[at] = replaced;
    return replaced;
  };
  delete = async (
    { name }: ObjectKey,
    options: { resourceVersion?: string | undefined } = {},
  ): Promise<void> => {
    this.stored.splice(this.#checked(name, options.resourceVersion), 1);
  };

  /** Somebody else changes its labels. */
  label(name: string, labels: Record<string, string>): void {
    const at = this.#checked(name, undefined);
    const { metadata, ...secret } = this.stored[at] ?? assert.fail(name);
    this.stored[at] = this.#next({ ...secret, metadata: { ...metadata, labels } });
  }

  #checked(name: string | undefined, resourceVersion: string | undefined): number {
    const at = this.stored.findIndex(({ metadata }) => metadata.name === name);
    if (at < 0) throw new KubeError('not-found', 'there is none');
    const present = this.stored[at]?.metadata.resourceVersion;
    if (resourceVersion !== undefined && resourceVersion !== present)
      throw new KubeError('conflict', 'it has changed');
    return at;
  }

  #next(secret: Secret): Secret {
    this.#version += 1;
    return { ...secret, metadata: { ...secret.metadata, resourceVersion: String(this.#version) } };
  }
}

function planted(name: string): Secret {
  return {
    ...caSecret(ca),
    metadata: { namespace: 'web', name, labels: { [previousPairLabel]: 'true' } },
  };
}

describe('CAs of before', () => {
  it('are taken up by the next leader, without what else lies in their Secrets', async () => {
    const resource = new Secrets();
    await new PreviousPairs({ resource }).keep(beside, kept, [owner]);
    const [stored] = resource.stored;
    assert.ok(stored);
    resource.stored[0] = { ...stored, data: { ...stored.data, more: 'AAAA' } };

    const next = new PreviousPairs({ resource });
    await next.read(beside);
    assert.equal(next.get(beside)?.pair.id, kept.pair.id);
    assert.deepEqual(Object.keys(next.get(beside)?.secret.data ?? {}), ['tls.crt', 'tls.key']);
    await next.release(beside, [owner]);
    assert.deepEqual(resource.stored, []);
  });

  it('stay until the last of the issuers that share a Secret needs them no more', async () => {
    const resource = new Secrets();
    const other = { ...owner, name: 'other', uid: 'issuer-2' };
    const pairs = new PreviousPairs({ resource });
    for (const one of [owner, other]) await pairs.keep(beside, kept, [one]);
    await pairs.release(beside, [owner]);
    await pairs.release(beside, [owner]);
    assert.equal(pairs.get(beside)?.pair.id, kept.pair.id);
    assert.deepEqual(resource.stored[0]?.metadata.ownerReferences, [other]);
    await pairs.release(beside, [other]);
    assert.equal(pairs.get(beside), undefined);
    assert.equal(pairs.size, 0);
    assert.deepEqual(resource.stored, []);
  });

  it('go also when somebody has labelled them, or another controller has shared them', async () => {
    const resource = new Secrets();
    const other = { ...owner, name: 'other', uid: 'issuer-2' };
    const [pairs, others] = [new PreviousPairs({ resource }), new PreviousPairs({ resource })];
    await pairs.keep(beside, kept, [owner]);
    await others.keep(beside, kept, [other]);
    await pairs.release(beside, [owner]);
    assert.deepEqual(resource.stored[0]?.metadata.ownerReferences, [other]);
    await pairs.release(beside, [owner]);
    assert.equal(resource.stored.length, 1, 'it is the other one’s');
    resource.label(previousKey(beside).name, { [previousPairLabel]: 'true', theirs: 'x' });
    await others.release(beside, [other]);
    assert.deepEqual(resource.stored, []);
  });

  it('are left where somebody has made them their own, and where they are gone', async () => {
    const resource = new Secrets();
    const pairs = new PreviousPairs({ resource });
    await pairs.keep(beside, kept, [owner]);
    resource.label(previousKey(beside).name, {});
    await pairs.release(beside, [owner]);
    assert.equal(resource.stored.length, 1);
    assert.equal(pairs.size, 0);
    resource.stored.length = 0;
    await pairs.keep(beside, kept, [owner]);
    resource.stored.length = 0;
    await pairs.release(beside, [owner]);
    assert.equal(pairs.size, 0);
  });

  it('are read by name, and only where they are the controller’s', async () => {
    const resource = new Secrets();
    resource.stored.push(planted('other'));
    const pairs = new PreviousPairs({ resource });
    await pairs.read(beside);
    assert.equal(pairs.get(beside), undefined);
    resource.stored.push({ ...planted(previousKey(beside).name) });
    resource.label(previousKey(beside).name, {});
    await pairs.read(beside);
    assert.equal(pairs.get(beside), undefined, 'somebody else’s');
    resource.label(previousKey(beside).name, { [previousPairLabel]: 'true' });
    await pairs.read(beside);
    assert.ok(pairs.get(beside));
    assert.equal(pairs.size, 1);
  });
});
