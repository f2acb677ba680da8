import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareUses } from '../../../security/rbac/compare-uses.ts';
import type { Grant } from '../../../security/rbac/expand-grants.ts';
import { readAuditLog } from '../../../security/rbac/read-audit-log.ts';
import { auditLine } from './fixtures.ts';

const grant: Grant = {
  account: 'certmount/certmount-driver',
  group: 'cert-manager.io',
  resource: 'certificaterequests',
  subresource: '',
  verb: 'list',
  names: [],
  namespace: undefined,
  role: 'certmount-driver',
};

function unused(granted: Partial<Grant>, ...lines: readonly string[]): readonly string[] {
  return compareUses([{ ...grant, ...granted }], readAuditLog(lines), () => false).unused;
}

describe('a verb that is granted', () => {
  it('is used when its account used it on the resource', () => {
    assert.deepEqual(unused({}, auditLine({})), []);
  });

  it('is not used by another account, verb, group, resource, subresource or in vain', () => {
    const inVain = auditLine({ decision: 'forbid', code: 403 });
    const text = [
      'certmount/certmount-driver: list certificaterequests of cert-manager.io (certmount-driver)',
    ];
    assert.deepEqual(unused({}), text);
    for (const line of [
      auditLine({ user: 'certmount:certmount-controller' }),
      auditLine({ verb: 'watch' }),
      auditLine({ objectRef: { resource: 'certificaterequests', apiGroup: 'example.com' } }),
      auditLine({ objectRef: { resource: 'issuers', apiGroup: 'cert-manager.io' } }),
      auditLine({
        objectRef: { resource: 'certificaterequests', subresource: 'status', apiGroup: 'cert-manager.io' },
      }),
      inVain,
    ])
      assert.deepEqual(unused({}, line), text, line);
  });

  it('is used within its names and its namespace alone', () => {
    const at = (namespace: string, name: string): string =>
      auditLine({
        objectRef: { resource: 'certificaterequests', apiGroup: 'cert-manager.io', namespace, name },
      });
    const limited = { names: ['one'], namespace: 'certmount' };
    assert.deepEqual(unused(limited, at('certmount', 'one')), []);
    assert.equal(unused(limited, at('certmount', 'another')).length, 1);
    assert.equal(unused(limited, at('web', 'one')).length, 1);
  });

  it('need not be seen to be used where something else proves it', () => {
    assert.deepEqual(compareUses([grant], [], () => true).unused, []);
  });
});

describe('a verb that is missing', () => {
  it('is named once, without the objects', () => {
    const tried = (name: string): string =>
      auditLine({
        verb: 'get',
        decision: 'forbid',
        code: 403,
        objectRef: { resource: 'pods', subresource: 'log', namespace: 'web', name },
      });
    const { forbidden } = compareUses([], readAuditLog([tried('a'), tried('b'), auditLine({})]), () => false);
    assert.deepEqual(forbidden, ['certmount/certmount-driver: get pods/log']);
  });
});
