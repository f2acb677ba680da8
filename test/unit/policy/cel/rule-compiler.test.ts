import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bindings, RuleCompiler } from '../../../../src/policy/cel/rule-compiler.ts';
import { factsOf, requestBinding } from '../../../../src/policy/facts.ts';
import { requestScope, valueScope } from '../../../../src/policy/rule-scopes.ts';
import { aPod, aRequest, surroundings } from '../support/builders.ts';
import { assertLittleCpu } from '../../../support/cpu-time.ts';

const facts = factsOf(aRequest({ pod: aPod() }), surroundings);
const bindings: Bindings = { ...facts.bindings, self: 'spiffe://example.org/ns/web/sa/api' };

function run(source: string, change: Bindings = {}): string {
  const compiled = new RuleCompiler().compile(source, valueScope);
  if (compiled.outcome === 'invalid') return `invalid: ${compiled.message}`;
  const result = compiled.rule.test({ ...bindings, ...change });
  return result.outcome === 'error' ? `error: ${result.message}` : result.outcome;
}

describe('a rule', () => {
  it('knows what the rules of approver-policy know', () => {
    for (const source of [
      "self.startsWith('spiffe://%s/ns/%s/sa/'.format(['example.org', cr.namespace]))",
      'self.size() <= 64',
      "self.endsWith(cr.namespace + '/sa/api')",
      "self.matches('^spiffe://[a-z.]+/')",
      "cr.name == 'api-0-1a2b' && cr.username == 'system:serviceaccount:web:api'",
      "'system:authenticated' in cr.groups",
      "cr.groups.exists(group, group.startsWith('system:'))",
      "isServiceAccount(cr.username) && serviceAccount(cr.username).getName() == 'api'",
      "serviceAccount(cr.username).getNamespace() == 'web'",
      "self.split('/')[6] == serviceAccount(cr.username).getName()",
      "self.lowerAscii() == self && self.replace('spiffe', 'x').indexOf('x') == 0",
      "cr['namespace'] == 'web'",
      "matches(self, '^spiffe://[a-z.]+/') && cr.groups.exists(group, matches(group, ':a'))",
    ])
      assert.equal(run(source), 'holds', source);
  });

  it('knows the proven pod, the trust domain and the cluster domain', () => {
    for (const source of [
      'self == pod.spiffeId',
      "self == 'spiffe://%s/ns/%s/sa/%s'.format([trustDomain, pod.namespace, pod.serviceAccount])",
      "'10.0.0.7' in pod.ips && 'api.web.svc' in pod.dnsNames && pod.labels['app'] == 'api'",
      "pod.nodeName == 'node-1' && clusterDomain == 'cluster.local'",
      'pod != null',
    ])
      assert.equal(run(source), 'holds', source);
  });

  it('sees null where no pod is proven, and its fields are an error', () => {
    assert.equal(run('pod == null', { pod: null }), 'holds');
    assert.match(run('self == pod.spiffeId', { pod: null }), /^error: /);
  });

  it('does not take a user for a service account that only looks like one', () => {
    for (const username of ['system:serviceaccount:web', 'x:system:serviceaccount:web:api', 'web:api', ''])
      assert.equal(run(`isServiceAccount('${username}')`), 'fails');
    assert.match(run("serviceAccount('alice').getName() == ''"), /^error: .*not a service account/);
  });

  it('is refused with what is wrong with it', () => {
    const cases: Record<string, RegExp> = {
      '(self': /end of input/,
      '': /./,
      "slef == 'x'": /unknown variable "slef": did you mean self\?/,
      "cr.nmae == 'x'": /unknown field "cr\.nmae": did you mean name\?/,
      'pod.ip == self': /unknown field "pod\.ip"/,
      'self.foo()': /unknown function "foo"/,
      'bar(self)': /unknown function "bar"/,
      'self + 1 == 2': /no matching overload/,
      'self.startsWith(7)': /no matching overload/,
      self: /true or false/,
      "'x'": /true or false/,
      'cr.groups.all(group, grup == group)': /unknown variable "grup"/,
      'turn()': /unknown function/,
      "self.matches('^(a')": /the pattern "\^\(a" is no regular expression of RE2: .*missing closing \)/,
      "self != '' || cr.groups.all(group, group.matches('a**'))": /the pattern "a\*\*" is no regular/,
      "matches(self, '(?=a)')": /the pattern "\(\?=a\)" is no regular/,
      [`'${'x'.repeat(9000)}' == self`]: /at most 8192/,
    };
    for (const [source, message] of Object.entries(cases)) {
      assert.match(run(source), /^invalid: /, source);
      assert.match(run(source), message, source);
    }
  });

  it('has no answer, instead of a wrong one, where it cannot be evaluated', () => {
    for (const source of [
      "cr.groups[9] == 'x'",
      "pod.labels['team'] == 'x'",
      "self.split('/')[99] == ''",
      '1 / 0 == 1',
    ])
      assert.match(run(source), /^error: /, source);
  });

  it('knows the variables of a loop only inside of it', () => {
    assert.equal(run('cr.groups.all(g, cr.groups.exists(h, h == g))'), 'holds');
    assert.match(run("cr.groups.all(g, g != '') && g == ''"), /unknown variable "g"/);
  });

  it('cannot run for long: its loops have a limited number of turns', async () => {
    const groups = Array.from({ length: 1000 }, (_, index) => `g${index}`);
    const cr = { ...(bindings['cr'] as object), groups };
    const nested = "cr.groups.all(a, cr.groups.all(b, cr.groups.all(c, a + b + c != 'x')))";
    await assertLittleCpu(() => {
      assert.match(run(nested, { cr }), /^error: takes more than 50000 turns/);
      assert.match(run(`${nested} || true`, { cr }), /^error: takes more than/);
      assert.match(run(`!(${nested})`, { cr }), /^error: takes more than/);
    });
    assert.equal(run("cr.groups.exists(a, a == 'g999')", { cr }), 'holds');
  });

  it('gets its turns anew with each request, and shares them with the other rules', () => {
    const compiler = new RuleCompiler();
    const compiled = compiler.compile("cr.groups.all(a, cr.groups.all(b, a + b != 'x'))", valueScope);
    assert.ok(compiled.outcome === 'compiled');
    const cr = { ...(bindings['cr'] as object), groups: Array.from({ length: 180 }, String) };
    compiler.restart();
    assert.equal(compiled.rule.test({ ...bindings, cr }).outcome, 'holds');
    assert.equal(compiled.rule.test({ ...bindings, cr }).outcome, 'error');
    compiler.restart();
    assert.equal(compiled.rule.test({ ...bindings, cr }).outcome, 'holds');
  });
});

describe('a rule about the request as a whole', () => {
  const request = (source: string): string => {
    const compiled = new RuleCompiler().compile(source, requestScope);
    if (compiled.outcome === 'invalid') return compiled.message;
    const all = factsOf(
      aRequest({
        certificate: { subject: { commonName: 'api.web' }, altNames: { dnsNames: ['api.web', 'b.web'] } },
      }),
      surroundings,
    );
    return compiled.rule.test({ ...all.bindings, self: requestBinding(all) }).outcome;
  };

  it('sees all that is asked for', () => {
    for (const source of [
      'self.commonNames.all(name, name in self.dnsNames)',
      "self.key.algorithm == 'ECDSA' && self.key.size == 256",
      'self.durationSeconds == 86400 && !self.isCA && self.usages.size() == 0',
      "self.issuer.kind == 'ClusterIssuer' && self.issuer.name == 'ca'",
      'self.uris.size() + self.ipAddresses.size() + self.emailAddresses.size() == 0',
    ])
      assert.equal(request(source), 'holds', source);
  });

  it('is told of a field that there is not', () => {
    assert.match(
      request('self.dnsName.size() == 1'),
      /unknown field "self\.dnsName": did you mean dnsNames\?/,
    );
  });
});
