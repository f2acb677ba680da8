import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OpenRequests } from '../../../../src/controller/requests/open-requests.ts';

describe('the open requests of an issuer', () => {
  it('finds all of one issuer and no other', () => {
    const open = new OpenRequests();
    open.add('web/a', 'Issuer/web/ca');
    open.add('web/b', 'Issuer/web/ca');
    open.add('web/c', 'ClusterIssuer/ca');
    assert.deepEqual([...open.of('Issuer/web/ca')], ['web/a', 'web/b']);
    assert.deepEqual([...open.of('Issuer/web/other')], []);
    assert.equal(open.size, 3);
  });

  it('follows a request that was replaced by one of another issuer', () => {
    const open = new OpenRequests();
    open.add('web/a', 'Issuer/web/ca');
    open.add('web/a', 'ClusterIssuer/ca');
    assert.deepEqual([...open.of('Issuer/web/ca')], []);
    assert.deepEqual([...open.of('ClusterIssuer/ca')], ['web/a']);
  });

  it('keeps nothing of what is closed', () => {
    const open = new OpenRequests();
    open.add('web/a', 'Issuer/web/ca');
    open.delete('web/a');
    open.delete('web/a');
    assert.equal(open.size, 0);
    assert.deepEqual([...open.of('Issuer/web/ca')], []);
    assert.deepEqual([...open.all()], []);
  });
});
