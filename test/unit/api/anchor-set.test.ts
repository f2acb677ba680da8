import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { anchorSourceText, parseAnchorSource } from '../../../src/api/anchor-set.ts';

describe('the text of a source', () => {
  it('is read as it is written', () => {
    for (const text of ['Bundle/b', 'ClusterIssuer/ca', 'Issuer/web/ca']) {
      const source = parseAnchorSource(text);
      assert.equal(source && anchorSourceText(source), text);
    }
    for (const text of ['', 'Bundle', 'Bundle/', 'Issuer/ca', 'Bundle/a/b', 'Issuer/a/b/c', 'Other/a']) {
      assert.equal(parseAnchorSource(text), undefined, text);
    }
  });
});
