import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Event } from '../../../../src/api/core.ts';
import type { PodCertificateRequest } from '../../../../src/api/pod-certificate-request.ts';
import { formatTime } from '../../../../src/api/time.ts';
import type { GenerationReport } from '../../../../src/api/volume-report.ts';
import { describeIdentity } from '../../../../src/cli/identity/describe-identity.ts';
import type { PodVolumeFacts } from '../../../../src/cli/identity/pod-identities.ts';
import { identityText } from '../../../../src/cli/identity/print-identity.ts';
import { timelineOf } from '../../../../src/cli/identity/timeline.ts';
import {
  podCertificateFacts,
  podCertificateSources,
} from '../../../../src/cli/identities/pod-certificates.ts';
import { toldEvents } from '../../../../src/cli/identity/pod-events.ts';
import { requestFacts } from '../../../../src/cli/identities/request-facts.ts';
import {
  condition,
  csiVolume,
  factsOf,
  generationOf,
  hour,
  issuedPodCertificate,
  issueLeaf,
  minute,
  noon,
  podCertificateRequest,
  podCertificateVolume,
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
    facts?.phase === 'issued'
      ? ({ known: true, present: facts, next: undefined } as const)
      : ({ known: true, present: undefined, next: facts } as const);
  const report = present === undefined ? undefined : volumeReport(present, previous);
  return { volume: csiVolume(), requests, report };
}

const describeOne = (facts: PodVolumeFacts, now = noon + minute, driverSilent: string | null = null) =>
  describeIdentity(
    podWith([csiVolume()]),
    { volumes: [facts], podCertificates: [], driverSilent, requestsUnknown: [] },
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
    assert.deepEqual(
      volume?.timeline.map(({ at }) => at),
      [null, null, null, formatTime(noon)],
    );
  });

  it('tells of a renewal that is due or refused where the driver keeps no requests', async () => {
    const mounted = generationOf(factsOf(await issueLeaf()), noon);
    const later = noon + 50 * minute;
    const about = (request: RequestOptions | undefined, now = later): string => {
      const facts = volumeFacts(request && { name: 'api-2', ...request }, mounted);
      const [volume] = describeOne(facts, now).volumes;
      return [volume?.identity.object, volume?.identity.state, ...(volume?.problems ?? [])].join(' | ');
    };
    const conditions = [condition('Denied', later, { message: 'policy x says no' })];
    assert.match(about(undefined), /^api-1 \| overdue \| should have been renewed before/);
    assert.match(
      about({ created: later, conditions }),
      /^api-1 \| overdue \| .*the renewal was denied: policy x says no$/,
    );
    assert.equal(about({ created: later }, noon + 40 * minute), 'api-1 | renewing');
    assert.equal(about({ created: noon - hour, conditions }, noon), 'api-1 | valid', 'of before');
  });

  it('says that nothing is there where the driver does', () => {
    const pod = podWith([csiVolume({ start: 'without-certificate' })]);
    const status = { containerStatuses: [{ name: 'app', state: { running: { startedAt: '' } } }] };
    const facts = { ...volumeFacts(undefined, null), volume: csiVolume({ start: 'without-certificate' }) };
    const found = { volumes: [facts], podCertificates: [], driverSilent: null, requestsUnknown: [] };
    const [volume] = describeIdentity({ ...pod, status }, found, [], noon).volumes;
    assert.equal(volume?.identity.state, 'missing');
    assert.match(
      volume?.problems.join() ?? '',
      /^no certificate is asked for: .*Events say what it waits for/,
    );
  });

  it('says so of a volume that the driver does not know', async () => {
    const leaf = await issueLeaf();
    const status = { containerStatuses: [{ name: 'app', state: { running: { startedAt: '' } } }] };
    const unknownTo = (driver: string) => {
      const volume = { name: 'certs', csi: { driver } };
      const facts = { ...volumeFacts({ leaf }, undefined), volume, report: null };
      const found = { volumes: [facts], podCertificates: [], driverSilent: null, requestsUnknown: [] };
      return describeIdentity({ ...podWith([volume]), status }, found, [], noon + minute);
    };
    const own = unknownTo('csi.certmount.io');
    assert.match(own.volumes[0]?.problems.join() ?? '', /^the driver on node-1 has no record of the volume/);
    assert.deepEqual(own.unknown, []);
    const other = unknownTo('csi.cert-manager.io');
    assert.deepEqual(other.volumes[0]?.problems, []);
    assert.match(other.unknown.join(), /^what is mounted in certs: the driver on node-1 has no record of it/);
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

  it('says no problem of requests that may not be listed', () => {
    const facts: PodVolumeFacts = { volume: csiVolume(), requests: { known: false }, report: undefined };
    const found = {
      volumes: [facts],
      podCertificates: [],
      driverSilent: 'no',
      requestsUnknown: ['forbidden'],
    };
    const description = describeIdentity(podWith([csiVolume()]), found, [], noon);
    const [volume] = description.volumes;
    assert.deepEqual([volume?.identity.state, volume?.problems], ['unrecorded', []]);
    assert.ok(description.unknown.includes('requests: forbidden'));
    assert.match(
      identityText(description, noon),
      /State: +unrecorded: CertificateRequests may not be listed\n/,
    );
  });
});

describe('the description of a pod certificate', () => {
  const pod = podWith([podCertificateVolume()]);
  const describePodCertificate = (request: PodCertificateRequest | undefined) => {
    const [source] = podCertificateSources(pod);
    assert.ok(source !== undefined);
    const facts = request === undefined ? undefined : podCertificateFacts(request);
    const podCertificates = [{ source, request: { known: true, facts } as const }];
    const found = { volumes: [], podCertificates, driverSilent: null, requestsUnknown: [] };
    return describeIdentity(pod, found, [], noon + minute);
  };

  it('is the way from the request to the answer, and says what only the kubelet knows', async () => {
    const leaf = await issueLeaf();
    const status = issuedPodCertificate(leaf, noon + 1_000);
    const description = describePodCertificate(podCertificateRequest('pcr-1', noon, status));
    const [volume] = description.volumes;
    assert.deepEqual(
      [volume?.identity.object, volume?.identity.serialNumber, volume?.identity.state, volume?.problems],
      ['pcr-1', factsOf(leaf).serialNumber, 'valid', []],
    );
    assert.deepEqual(volume?.timeline, [
      { step: 'requested', at: formatTime(noon), tookMs: null },
      { step: 'issued', at: formatTime(noon + 1_000), tookMs: 1_000 },
    ]);
    assert.equal(volume?.mounted, null);
    assert.deepEqual(description.unknown, [
      'what is mounted in tls: only the kubelet knows what it has written of a pod certificate',
    ]);
    assert.match(
      identityText(description, noon),
      /^Volume tls, pod certificate of certmount\.io\/mesh\n {2}Identity: +spiffe:/m,
    );
  });

  it('says what is wrong with it', () => {
    const problems = (request: PodCertificateRequest): string =>
      describePodCertificate(request).volumes[0]?.problems.join('; ') ?? '';
    assert.match(problems(podCertificateRequest('a', noon)), /^PodCertificateRequest a is not answered/);
    const denied = { conditions: [condition('Denied', noon, { message: 'no policy allows it' })] };
    assert.match(
      problems(podCertificateRequest('a', noon, denied)),
      /^PodCertificateRequest a was denied: no policy allows it; .*the pod has to be made anew$/,
    );
  });

  it('guesses nothing when its request is gone', () => {
    const { volumes } = describePodCertificate(undefined);
    assert.deepEqual(
      [volumes[0]?.identity.state, volumes[0]?.identity.spiffeId, volumes[0]?.problems],
      ['unrecorded', null, []],
    );
  });
});

describe('the Events of a pod', () => {
  const event = (changes: Partial<Event>): Event => ({
    metadata: { creationTimestamp: formatTime(noon) },
    eventTime: null,
    reportingController: 'csi.certmount.io',
    reportingInstance: 'node-1',
    action: 'a',
    reason: 'r',
    type: 'Warning',
    ...changes,
  });

  it('are in the order in which they were last told, with how many times', () => {
    const told = toldEvents(
      [
        event({ reason: 'series', series: { count: 3, lastObservedTime: formatTime(noon + 4_000) } }),
        event({
          reason: 'FailedMount',
          reportingController: 'kubelet',
          deprecatedCount: 12,
          deprecatedLastTimestamp: formatTime(noon + 3_000),
        }),
        event({ reason: 'once', eventTime: '2026-11-22T12:00:02.000000Z' }),
        event({ reason: 'NoPolicy', reportingController: 'certmount.io/controller' }),
        event({ reason: 'Pulled', reportingController: 'kubelet' }),
      ],
      ['csi.certmount.io'],
    );
    assert.deepEqual(
      told.map(({ at, count, reason }) => [reason, Date.parse(at) - noon, count]),
      [
        ['NoPolicy', 0, 1],
        ['once', 2_000, 1],
        ['FailedMount', 3_000, 12],
        ['series', 4_000, 3],
      ],
    );
  });
});
