import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatListenAddress, parseListenAddress } from '../../../src/runtime/listen-address.ts';

describe('a listen address', () => {
  for (const [text, address] of [
    ['0.0.0.0:9402', { host: '0.0.0.0', port: 9402 }],
    [':9402', { port: 9402 }],
    ['[::]:9402', { host: '::', port: 9402 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
  ] as const) {
    it(`is read from ${text} and written so`, () => {
      assert.deepEqual(parseListenAddress(text), address);
      assert.equal(formatListenAddress(address), text);
    });
  }

  for (const text of ['', '9402', 'a:b', '::1:9402', ':65536', ':-1', 'http://a:80', '[::1]', 'a b:1']) {
    it(`is not ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseListenAddress(text), /must be HOST:PORT/));
  }
});
