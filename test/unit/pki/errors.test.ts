import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isPkiError, PkiError } from '../../../src/pki/index.ts';

describe('a PKI error', () => {
  it('is told by its reasons', () => {
    const error: unknown = new PkiError('too-large', 'it is', { cause: 1 });
    assert.ok(isPkiError(error));
    assert.equal(error.cause, 1);
    assert.ok(isPkiError(error, 'malformed', 'too-large'));
    assert.ok(!isPkiError(error, 'malformed'));
    assert.ok(!isPkiError(new Error('too-large')));
  });
});
