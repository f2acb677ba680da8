import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Logger, LogOptions } from '../../../src/runtime/log.ts';
import { createLogger, silentLogger } from '../../../src/runtime/log.ts';

const now = (): number => Date.UTC(2026, 0, 1, 12, 30, 15, 250);

function capture(options: Partial<LogOptions> = {}, isTerminal = false): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const log = createLogger(
    { level: 'debug', format: 'json', program: 'driver', ...options },
    { destination: { write: (line) => void lines.push(line) }, isTerminal, now },
  );
  return { log, lines };
}

function logged(fields: object, message = 'happened'): Record<string, unknown> {
  const { log, lines } = capture();
  log.info(fields, message);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('the log', () => {
  it('is one JSON object a line: level, time, program, fields, message', () => {
    const { log, lines } = capture();
    log.warn({ volume: 'csi-1', durationMs: 12 }, 'published late');
    assert.equal(
      lines[0],
      '{"level":"warn","time":"2026-01-01T12:30:15.250Z","program":"driver","volume":"csi-1","durationMs":12,"message":"published late"}\n',
    );
  });

  it('leaves out what is below its level', () => {
    const { log, lines } = capture({ level: 'warn' });
    log.debug({}, 'a');
    log.info({}, 'b');
    log.error({}, 'c');
    assert.equal(lines.length, 1);
    assert.equal(log.isLevelEnabled('info'), false);
  });

  it('puts the fields of a child on each of its lines', () => {
    const { log, lines } = capture();
    log.child({ component: 'renewal' }).child({ volume: 'csi-1' }).info({ attempt: 1 }, 'tried');
    assert.match(lines[0] ?? '', /"component":"renewal","volume":"csi-1","attempt":1,"message":"tried"/);
  });

  it('says of an error its type, message, reason, stack and causes', () => {
    const cause = Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED' });
    const error = Object.assign(new TypeError('no answer', { cause }), {
      reason: 'unavailable',
      status: 503,
    });
    const line = logged({ error });
    const text = line['error'] as Record<string, unknown>;
    assert.equal(text['type'], 'TypeError');
    assert.equal(text['message'], 'no answer');
    assert.equal(text['reason'], 'unavailable');
    assert.equal(text['status'], 503);
    assert.match(String(text['stack']), /^TypeError: no answer\n {4}at /);
    assert.equal((text['cause'] as Record<string, unknown>)['code'], 'ECONNREFUSED');
  });

  it('leaves the request that hangs on an error out', () => {
    const error = Object.assign(new Error('401'), {
      config: { headers: { authorization: 'Bearer abcdefghijkl' } },
      response: { body: 'hunter2' },
      token: 'hunter2',
    });
    assert.doesNotMatch(JSON.stringify(logged({ error })), /Bearer|hunter2|config|response/);
  });

  it('survives errors that go round in circles', () => {
    const error = new Error('round');
    error.cause = error;
    assert.equal((logged({ error })['error'] as { message: string }).message, 'round');
    const fields: Record<string, unknown> = {};
    fields['condition'] = fields;
    assert.match(JSON.stringify(logged({ condition: fields })), /too deep/);
  });

  it('keeps a line within bounds', () => {
    const long = 'x'.repeat(1_000_000);
    const line = logged({ reason: long, error: new Error(long), condition: Array(1000).fill(long) }, long);
    assert.ok(JSON.stringify(line).length < 1_000_000);
    assert.match(String(line['message']), /x… \[991808 more\]$/);
  });

  it('reads well on a terminal', () => {
    const { log, lines } = capture({ format: 'pretty' });
    log.info({ volume: 'csi-1', reason: 'two words', count: 3 }, 'published');
    assert.equal(lines[0], '12:30:15.250 INFO  published volume=csi-1 reason="two words" count=3\n');
  });

  it('shows the stack of an error on lines of its own on a terminal', () => {
    const { log, lines } = capture({ format: 'pretty' });
    log.error({ error: new Error('outer', { cause: new Error('inner') }) }, 'failed');
    assert.match(lines[0] ?? '', /ERROR failed\n {4}Error: outer\n {8}at .*\n {4}caused by Error: inner\n/s);
  });

  it('is pretty on a terminal and JSON elsewhere when left to itself', () => {
    const terminal = capture({ format: 'auto' }, true);
    terminal.log.info({}, 'seen');
    assert.ok(terminal.lines[0]?.includes('\u001b['), 'in colour');
    const pipe = capture({ format: 'auto' }, false);
    pipe.log.info({}, 'seen');
    assert.match(pipe.lines[0] ?? '', /^\{/);
  });

  it('can be silent', () => {
    silentLogger.child({ volume: 'a' }).error({}, 'nothing');
    assert.equal(silentLogger.isLevelEnabled('error'), false);
  });
});

describe('a secret', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const body = pem.split('\n')[1] ?? '';
  const token = `eyJhbGciOiJSUzI1NiJ9.${'a'.repeat(40)}.${'b'.repeat(40)}`;

  const leaks: [where: string, fields: object, message: string][] = [
    ['a PEM key in a field', { file: pem }, 'wrote'],
    ['a PEM key in the message', {}, `wrote ${pem}`],
    ['a PEM key cut short', { file: pem.slice(0, 80) }, 'wrote'],
    ['a PEM key in an error', { error: new Error(`bad key ${pem}`) }, 'failed'],
    ['a base64 PEM key, as in a Secret', { file: Buffer.from(pem).toString('base64') }, 'read'],
    ['a KeyObject', { file: privateKey }, 'made'],
    ['bytes', { file: Buffer.from(pem) }, 'made'],
    ['a token in a field', { file: token }, 'read'],
    ['a token in the message', {}, `token ${token} refused`],
    ['a token in a cause', { error: new Error('a', { cause: new Error(token) }) }, 'failed'],
    ['a token below a telling key', { condition: { serviceAccountTokens: { x: 'secretvalue' } } }, 'got'],
    ['an authorization header', { condition: { headers: { Authorization: 'Basic secretvalue' } } }, 'sent'],
    ['an authorization header in text', { reason: 'sent Authorization: Bearer secretvalue' }, 'sent'],
    ['the data of a Secret', { condition: { kind: 'Secret', data: { password: 'secretvalue' } } }, 'read'],
    ['the query of a URL', { url: new URL('https://u:secretvalue@vault/v1?token=secretvalue') }, 'called'],
    ['a password on a child', { condition: { clientSecret: 'secretvalue' } }, 'called'],
  ];
  for (const [where, fields, message] of leaks) {
    it(`is not in the log: ${where}`, () => {
      for (const format of ['json', 'pretty'] as const) {
        const { log, lines } = capture({ format });
        log.info(fields, message);
        log.child(fields).warn({}, 'from a child');
        const text = lines.join('');
        assert.equal(lines.length, 2);
        for (const secret of [
          body,
          body.slice(0, 40),
          token,
          'secretvalue',
          Buffer.from(pem).toString('base64'),
        ]) {
          assert.ok(!text.includes(secret), text);
        }
      }
    });
  }

  it('leaves what only names one', () => {
    const line = logged({
      secretName: 'ns/ca',
      condition: { tokenSecretRef: { name: 'vault' }, tokenExpiry: 5 },
    });
    assert.equal(line['secretName'], 'ns/ca');
    assert.deepEqual(line['condition'], { tokenSecretRef: { name: 'vault' }, tokenExpiry: 5 });
  });
});
