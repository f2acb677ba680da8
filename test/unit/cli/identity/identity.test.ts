import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatTime } from '../../../../src/api/time.ts';
import type { GenerationReport } from '../../../../src/api/volume-report.ts';
import { describeIdentity } from '../../../../src/cli/identity/describe-identity.ts';
import type { PodVolumeFacts } from '../../../../src/cli/identity/pod-volumes.ts';
import { identityText } from '../../../../src/cli/identity/print-identity.ts';
import { timelineOf } from '../../../../src/cli/identity/timeline.ts';
import { requestFacts } from '../../../../src/cli/identities/request-facts.ts';
import {
  condition,
  csiVolume,
  factsOf,
  generationOf,
  hour,
  issueLeaf,
  minute,
  noon,
  podWith,
  type RequestOptions,
  requestOf,
  volumeReport,
} from '../support/builders.ts';

function volumeFacts(
  request: RequestOptions | undefined,
  present: GenerationReport | null | undefined,
  previous: GenerationReport | null = null,
): PodVolumeFacts {
  const facts = request === undefined ? undefined : requestFacts(requestOf(request));
  const requests =
    facts?.phase === 'issued' ? { present: facts, next: undefined } : { present: undefined, next: facts };
  const report = present === undefined ? undefined : volumeReport(present, previous);
  return { volume: csiVolume(), requests, report };
}

const describeOne = (facts: PodVolumeFacts, now = noon + minute, driverSilent: string | null = null) =>
  describeIdentity(
    podWith([csiVolume()]),
    { volumes: [facts], driverSilent, requestsUnknown: null },
    [],
    now,
  );

describe('the timeline of a certificate', () => {
  it('has the four steps, with what each took', async () => {
    const leaf = await issueLeaf();
    const written = generationOf(factsOf(leaf), noon + 3_000);
    assert.deepEqual(timelineOf(volumeFacts({ leaf }, written)), [
      { step: 'requested', at: noon, tookMs: null },
      { step: 'approved', at: noon + 1_000, tookMs: 1_000 },
      { step: 'signed', at: noon + 2_000, tookMs: 1_000 },
      { step: 'written', at: noon + 3_000, tookMs: 1_000 },
    ]);
  });

  it('takes no change of the anchors for the time when the certificate was written', async () => {
    const facts = factsOf(await issueLeaf());
    const leaf = await issueLeaf();
    const [first, second] = [
      generationOf(factsOf(leaf), noon + 3_000),
      generationOf(factsOf(leaf), noon + hour),
    ];
    const written = (present: GenerationReport, previous: GenerationReport): number | null | undefined =>
      timelineOf(volumeFacts({ leaf }, present, previous)).at(-1)?.at;
    assert.equal(written(second, first), noon + 3_000);
    assert.equal(written(second, generationOf(facts, noon)), noon + hour);
  });

  it('ends where the request waits', () => {
    const approved = { conditions: [condition('Approved', noon + 1_000)] };
    const at = (request: RequestOptions): (number | null)[] =>
      timelineOf(volumeFacts(request, null)).map((step) => step.at);
    assert.deepEqual(at({}), [noon, null, null, null]);
    assert.deepEqual(at(approved), [noon, noon + 1_000, null, null]);
  });
});

describe('the description of a pod', () => {
  it('has no problems where all is well', async () => {
    const leaf = await issueLeaf();
    const mounted = generationOf(factsOf(leaf), noon + 3_000);
    const { unknown, volumes } = describeOne(volumeFacts({ leaf }, mounted));
    assert.deepEqual([unknown, volumes[0]?.problems], [[], []]);
    assert.equal(volumes[0]?.nextRenewal, mounted.renewAt);
  });

  it('says what is wrong', async () => {
    const leaf = await issueLeaf();
    const other = generationOf(factsOf(await issueLeaf()), noon);
    const problems = (facts: PodVolumeFacts, now?: number): string =>
      describeOne(facts, now).volumes[0]?.problems.join('; ') ?? '';
    assert.match(problems(volumeFacts({}, null)), /^CertificateRequest api-1 is not approved$/);
    const approved = { conditions: [condition('Approved', noon, { message: 'by policy' })] };
    assert.match(
      problems(volumeFacts(approved, null)),
      /is approved, and its issuer has not signed: by policy/,
    );
    const denied = { conditions: [condition('Denied', noon, { message: 'not that name' })] };
    assert.match(problems(volumeFacts(denied, null)), /was denied: not that name/);
    assert.match(problems(volumeFacts(undefined, null)), /no certificate is asked for/);
    assert.match(problems(volumeFacts({ leaf }, null)), /it is issued, and not in the volume yet/);
    assert.match(problems(volumeFacts({ leaf }, other)), /has serial .*, and the newest issued one is/);
    const mine = generationOf(factsOf(leaf), noon);
    assert.match(problems(volumeFacts({ leaf }, { ...mine, anchors: [] })), /no trust anchors/);
    const old = [{ subject: 'CN=old', fingerprint: 'f', notAfter: formatTime(noon) }];
    assert.match(problems(volumeFacts({ leaf }, { ...mine, anchors: old })), /CN=old expired/);
    assert.match(
      problems(volumeFacts({ leaf }, mine), noon + 50 * minute),
      /should have been renewed before/,
    );
    assert.match(problems(volumeFacts({ leaf }, mine), noon + 2 * hour), /^expired at/);
  });

  it('goes by the volume where the driver keeps no requests', async () => {
    const mounted = generationOf(factsOf(await issueLeaf()), noon);
    const [volume] = describeOne(volumeFacts(undefined, mounted)).volumes;
    assert.deepEqual(
      [volume?.identity.serialNumber, volume?.identity.state, volume?.problems],
      [mounted.serialNumber, 'valid', []],
    );
  });

  it('shows the rest where the driver cannot be asked', async () => {
    const leaf = await issueLeaf();
    const description = describeOne(volumeFacts({ leaf }, undefined), noon + minute, 'exec is not allowed');
    assert.deepEqual(description.unknown, ['when it was written and what is mounted: exec is not allowed']);
    const text = identityText(description, noon + minute);
    assert.match(text, /Expires: +2026-11-22T13:00:00Z \(in 59m\)/);
    assert.match(text, /signed +2026-11-22T12:00:02Z {3}\+1s\n +written +-\n/);
    assert.match(text, /Not known: when it was written .*exec is not allowed/);
  });
});
