import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { generateKey } from '../../../../src/pki/keys/generate-key.ts';
import { KeyGenerator } from '../../../../src/pki/keys/key-generator.ts';
import type { KeySpec } from '../../../../src/pki/keys/key-spec.ts';
import { failsWith } from '../support/failures.ts';

const rsa: KeySpec = { algorithm: 'RSA', size: 2048 };

describe('making keys', () => {
  it('refuses what is not served before it begins', async () => {
    await assert.rejects(generateKey({ algorithm: 'RSA', size: 1024 }), failsWith('invalid-key'));
  });

  it('lets the event loop turn while RSA keys are made', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await generateKey({ algorithm: 'RSA', size: 3072 });
    clearInterval(timer);
    assert.ok(turns > 1, `${turns} turns`);
  });
});

describe('a key generator', () => {
  it('makes the RSA keys in the order asked, and others at once', async () => {
    const generator = new KeyGenerator({ rsaConcurrency: 1 });
    const order: string[] = [];
    const note = (name: string) => () => order.push(name);
    await Promise.all([
      generator.generate(rsa).then(note('first')),
      generator.generate(rsa).then(note('second')),
      generator.generate({ algorithm: 'Ed25519' }).then(note('ed25519')),
    ]);
    assert.deepEqual(order, ['ed25519', 'first', 'second']);
  });

  it('gives a place in the queue up when aborted, and the next one its turn', async () => {
    const generator = new KeyGenerator({ rsaConcurrency: 1 });
    const controller = new AbortController();
    const first = generator.generate(rsa);
    const second = generator.generate(rsa, controller.signal);
    const third = generator.generate(rsa);
    controller.abort(new Error('no longer wanted'));
    await assert.rejects(second, /no longer wanted/);
    await assert.rejects(generator.generate(rsa, controller.signal), /no longer wanted/);
    await Promise.all([first, third]);
  });

  it('goes on after a key that could not be made', async () => {
    const generator = new KeyGenerator({ rsaConcurrency: 1 });
    await assert.rejects(generator.generate({ algorithm: 'RSA', size: 1 }), failsWith('invalid-key'));
    await generator.generate(rsa);
  });
});
