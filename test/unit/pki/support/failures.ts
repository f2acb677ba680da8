import assert from 'node:assert/strict';
import { PkiError, type PkiFailure } from '../../../../src/pki/index.ts';

/** For `assert.throws` and `assert.rejects`: a PkiError of this reason, and when given with such a message. */
export function failsWith(reason: PkiFailure, message?: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof PkiError, `expected a PkiError, got ${String(error)}`);
    assert.equal(error.reason, reason, error.message);
    if (message !== undefined) assert.match(error.message, message);
    return true;
  };
}

/** True when the function returns or throws a PkiError; every other error goes through. */
export function returnsOrRefuses(run: () => unknown): boolean {
  try {
    run();
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
  }
  return true;
}
