import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { grantsOfManifests, reportRbacUse } from '../../../security/rbac/report-rbac-use.ts';
import { isSpecial, specialVerbs } from '../../../security/rbac/special-verbs.ts';
import { auditFolder } from '../../../support/kept-logs.ts';
import { root } from '../../../../tools/run-command.ts';
import { auditLine } from './fixtures.ts';

const never =
  'granted and never used: certmount/certmount-driver: create certificaterequests of cert-manager.io';

describe('the report on RBAC after a run', () => {
  let logs: string;
  before(() => {
    logs = mkdtempSync(join(tmpdir(), 'certmount-rbac-'));
  });
  after(() => rmSync(logs, { recursive: true, force: true }));

  async function report(everySuite: boolean): Promise<{ failures: number; printed: string[] }> {
    const printed: string[] = [];
    const failures = await reportRbacUse({ logs, everySuite, print: (line) => printed.push(line) });
    return { failures, printed };
  }

  it('is of no use when not every suite ran, and says so', async () => {
    const { failures, printed } = await report(false);
    assert.equal(failures, 0);
    assert.deepEqual(printed, ['RBAC, no verb that is not used: not run, because not every suite ran']);
  });

  it('fails for each verb that no program used', async () => {
    const { failures, printed } = await report(true);
    assert.ok(failures > 10);
    assert.ok(printed.includes(`${never} (certmount-driver)`), printed.join('\n'));
    assert.equal(printed.filter((line) => line.startsWith('granted and never used: ')).length, failures);
  });

  it('takes what any API server of the run wrote for a use', async () => {
    mkdirSync(join(logs, auditFolder));
    const before = (await report(true)).failures;
    writeFileSync(join(logs, auditFolder, 'a.jsonl'), `${auditLine({})}\n`);
    writeFileSync(join(logs, auditFolder, 'b.jsonl'), `${auditLine({ verb: 'create' })}\n{"torn`);
    const { failures, printed } = await report(true);
    assert.equal(failures, before - 2);
    assert.ok(!printed.includes(`${never} (certmount-driver)`));
  });

  it('names what was forbidden, also when only some suites ran', async () => {
    const line = auditLine({ verb: 'escalate', decision: 'forbid' });
    writeFileSync(join(logs, auditFolder, 'c.jsonl'), line);
    const { printed } = await report(false);
    const text = 'certmount/certmount-driver: escalate certificaterequests of cert-manager.io';
    assert.ok(printed.includes(`forbidden by RBAC in this run: ${text}`), printed.join('\n'));
  });
});

describe('permissions that no request shows', () => {
  const verbs = new Set(['approve', 'sign', 'attest', 'use', 'reference']);

  it('are all proven by a test', () => {
    for (const grant of grantsOfManifests().filter(({ verb }) => verbs.has(verb)))
      assert.ok(isSpecial(grant), `${grant.verb} ${grant.resource} ${grant.names.join(', ')}`);
  });

  it('are granted, and their tests are there', () => {
    const grants = grantsOfManifests();
    for (const special of specialVerbs) {
      const { names, proof, resource, verb } = special;
      const alike = grants.filter((grant) =>
        (['account', 'group', 'resource', 'subresource', 'verb'] as const).every(
          (field) => special[field] === grant[field],
        ),
      );
      for (const name of names) {
        assert.ok(
          alike.some((grant) => grant.names.includes(name)),
          `${verb} ${name}`,
        );
      }
      if (names.length === 0)
        assert.ok(
          alike.some((grant) => grant.names.length === 0),
          `${verb} ${resource}`,
        );
      assert.ok(readFileSync(join(root, proof.file), 'utf8').includes(proof.title), proof.title);
    }
  });

  it('stand for no verb on all names', () => {
    const grants = grantsOfManifests();
    const [special] = grants.filter((grant) => isSpecial(grant));
    assert.ok(special);
    assert.equal(isSpecial({ ...special, names: [] }), false);
    assert.equal(isSpecial({ ...special, names: [...special.names, 'more.example/*'] }), false);
  });
});
