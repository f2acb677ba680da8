import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OpenRequests } from '../../../../src/controller/requests/open-requests.ts';

describe('the open requests', () => {
  const clock = { now: 0 };
  const newRequests = (): OpenRequests => new OpenRequests({ now: () => clock.now });

  it('are found by each issuer that may answer them, and by no other', () => {
    const open = newRequests();
    open.add('web/a', '1', ['Issuer/web/ca']);
    open.add('web/b', '2', ['Issuer/web/ca', 'ClusterIssuer/web.ca']);
    open.add('web/c', '3', []);
    assert.deepEqual([...open.of('Issuer/web/ca')], ['web/a', 'web/b']);
    assert.deepEqual([...open.of('ClusterIssuer/web.ca')], ['web/b']);
    assert.deepEqual([...open.of('Issuer/web/other')], []);
    assert.equal(open.size, 3);
  });

  it('keep what is known of a request when it is told of again, and nothing of one that it has replaced', () => {
    const open = newRequests();
    clock.now = 1;
    open.add('web/a', '1', ['Issuer/web/ca']);
    const first = open.get('web/a');
    clock.now = 2;
    open.add('web/a', '1', ['Issuer/web/ca']);
    assert.equal(open.get('web/a'), first);
    assert.equal(first?.seenAt, 1);
    open.add('web/a', '2', ['ClusterIssuer/ca']);
    assert.equal(open.get('web/a')?.seenAt, 2);
    assert.deepEqual([...open.of('Issuer/web/ca')], []);
    assert.deepEqual([...open.of('ClusterIssuer/ca')], ['web/a']);
  });

  it('leave nothing behind when they are closed', () => {
    const open = newRequests();
    open.add('web/a', '1', ['Issuer/web/ca']);
    assert.equal(open.delete('web/a'), true);
    assert.equal(open.delete('web/a'), false);
    assert.equal(open.size, 0);
    assert.deepEqual([...open.of('Issuer/web/ca')], []);
    assert.deepEqual([...open.keys()], []);
  });
});
