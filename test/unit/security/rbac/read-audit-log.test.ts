import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readAuditLog } from '../../../security/rbac/read-audit-log.ts';
import { auditLine } from './fixtures.ts';

describe('what an audit log says of the programs', () => {
  it('is who did what to which object, once', () => {
    const objectRef = {
      apiGroup: 'coordination.k8s.io',
      resource: 'leases',
      namespace: 'certmount',
      name: 'certmount-controller',
    };
    const line = auditLine({
      verb: 'get',
      user: 'certmount:certmount-controller',
      userAgent: 'certmount-controller/0.1.0',
      objectRef,
    });
    assert.deepEqual(readAuditLog([line, line]), [
      {
        account: 'certmount/certmount-controller',
        group: 'coordination.k8s.io',
        resource: 'leases',
        subresource: '',
        verb: 'get',
        name: 'certmount-controller',
        namespace: 'certmount',
        allowed: true,
      },
    ]);
  });

  it('is of the programs alone, not of the tests in their name, and of objects', () => {
    const lines = [
      auditLine({ userAgent: 'certmount-test' }),
      auditLine({ userAgent: 'kubectl/v1.36.3' }),
      auditLine({ objectRef: undefined }),
      '{"kind":"Event","verb":"li',
      '',
    ];
    assert.deepEqual(readAuditLog(lines), []);
  });

  it('has what RBAC forbade, and no other refusal, as forbidden', () => {
    const lines = [
      auditLine({ verb: 'delete', code: 403, decision: 'forbid' }),
      auditLine({ verb: 'create', code: 403 }),
      auditLine({ verb: 'watch', code: 404 }),
    ];
    assert.deepEqual(
      readAuditLog(lines).map(({ allowed, verb }) => [verb, allowed]),
      [
        ['delete', false],
        ['create', true],
        ['watch', true],
      ],
    );
  });

  it('has a creation in an apply or an update that made the object', () => {
    const verbs = (code: number): string[] =>
      readAuditLog([auditLine({ verb: 'patch', code })]).map(({ verb }) => verb);
    assert.deepEqual(verbs(201), ['patch', 'create']);
    assert.deepEqual(verbs(200), ['patch']);
  });
});
