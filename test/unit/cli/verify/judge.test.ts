import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatTime } from '../../../../src/api/time.ts';
import type { CertificateDescription } from '../../../../src/pki/index.ts';
import { describeVerdict, verificationText } from '../../../../src/cli/verify/describe-verdict.ts';
import { type KnownCertificate, judge, type VolumeCertificates } from '../../../../src/cli/verify/judge.ts';
import { mountsOf } from '../../../../src/cli/verify/mounts-of.ts';
import { factsOf, hour, issueLeaf, minute, noon, podWith } from '../support/builders.ts';

const known = (facts: CertificateDescription, since: number): KnownCertificate => ({ ...facts, since });
const volume = (changes: Partial<VolumeCertificates>): VolumeCertificates => ({
  volume: 'certs',
  mounted: undefined,
  previous: undefined,
  issued: undefined,
  ...changes,
});

const [oldest, older, present] = (
  await Promise.all([issueLeaf(noon - 40 * minute), issueLeaf(noon - 20 * minute), issueLeaf(noon)])
).map(factsOf) as [CertificateDescription, CertificateDescription, CertificateDescription];
const rotated = volume({
  mounted: known(present, noon + 1_000),
  previous: known(older, noon - 20 * minute),
  issued: known(present, noon),
});

describe('what a process serves', () => {
  it('matches when it is what is mounted', () => {
    assert.deepEqual(judge(present, [rotated]), { result: 'match', volume: 'certs' });
    assert.deepEqual(judge(present, [volume({}), rotated]), { result: 'match', volume: 'certs' });
  });

  it('is stale when it was mounted before, since the present one was written', () => {
    const expected = { result: 'stale', volume: 'certs', since: noon + 1_000, atLeast: false };
    assert.deepEqual(judge(older, [rotated]), expected);
  });

  it('is stale of the volume that had exactly this one, where two are of one identity', () => {
    const other = volume({ volume: 'other', mounted: known(present, noon + 2_000) });
    const own = { ...rotated, volume: 'own' };
    const verdict = judge(older, [other, own]);
    assert.deepEqual(verdict, { result: 'stale', volume: 'own', since: noon + 1_000, atLeast: false });
  });

  it('is stale for longer when it is older than all that the volume holds', () => {
    const expected = { result: 'stale', volume: 'certs', since: noon - 20 * minute, atLeast: true };
    assert.deepEqual(judge(oldest, [rotated]), expected);
  });

  it('is not taken for what was issued while the volume has another one', () => {
    const behind = volume({ mounted: known(older, noon - 20 * minute), issued: known(present, noon) });
    assert.equal(judge(older, [behind]).result, 'match');
    assert.equal(judge(present, [behind]).result, 'foreign', 'newer than the volume: from elsewhere');
  });

  it('is compared with what was issued where the node cannot be asked', () => {
    const unknown = volume({ issued: known(present, noon) });
    assert.equal(judge(present, [unknown]).result, 'match');
    assert.deepEqual(judge(older, [unknown]), {
      result: 'stale',
      volume: 'certs',
      since: noon,
      atLeast: true,
    });
  });

  it('is foreign when another holder or issuer is named', () => {
    const changes: Partial<CertificateDescription>[] = [
      { spiffeId: 'spiffe://cluster.local/ns/web/sa/other' },
      { issuer: 'CN=other' },
      { dnsNames: ['api.web'] },
      { subject: 'CN=api' },
    ];
    for (const change of changes)
      assert.equal(judge({ ...oldest, ...change }, [rotated]).result, 'foreign', JSON.stringify(change));
    assert.equal(judge(present, []).result, 'foreign');
  });
});

describe('what is said of it', () => {
  const subject = { namespace: 'web', pod: 'api', port: 8443, bySubPath: [] as string[], unknown: [] };
  const describeIt = (
    served: CertificateDescription,
    changes: Partial<typeof subject> = {},
    now = noon + minute,
  ) => describeVerdict({ ...subject, ...changes }, served, [rotated], judge(served, [rotated]), now);

  it('names the volume, since when, and where to read on', () => {
    const stale = describeIt(older);
    assert.deepEqual(
      [stale.result, stale.volume, stale.staleSince],
      ['stale', 'certs', formatTime(noon + 1_000)],
    );
    assert.match(
      stale.explanation.join(' '),
      /not reloaded since 2026-11-22T12:00:01Z \(59s ago\)\. It works until/,
    );
    assert.match(stale.explanation.join(' '), /docs\/reloading\.md/);
    assert.match(describeIt(oldest).explanation.join(' '), /not reloaded since before /);
  });

  it('tells of a subPath, which explains it', () => {
    assert.match(describeIt(older, { bySubPath: ['certs'] }).explanation.join(' '), /mounted by subPath/);
  });

  it('shows the three beside each other', () => {
    const text = verificationText(describeIt(present));
    assert.match(text, /^Pod web\/api, port 8443: match\n/);
    for (const what of ['served', 'mounted', 'issued'])
      assert.match(text, new RegExp(`^  ${what} +${present.serialNumber}  spiffe://`, 'm'));
  });

  it('says when what is served has ended, be it what is mounted', () => {
    assert.equal(describeIt(present).expired, false);
    const ended = describeIt(present, {}, noon + 2 * hour);
    assert.deepEqual([ended.result, ended.expired], ['match', true]);
    assert.match(ended.explanation.join(' '), /What it serves has expired, at 2026-11-22T13:00:00Z\./);
    assert.match(verificationText(ended), /^Pod web\/api, port 8443: match, expired\n/);
  });
});

describe('the mounts of a container', () => {
  const pod = podWith([], {
    containers: [
      {
        name: 'app',
        volumeMounts: [
          { name: 'certs', mountPath: '/a' },
          { name: 'certs', mountPath: '/b', subPath: 'x' },
        ],
      },
      { name: 'side', volumeMounts: [{ name: 'certs', mountPath: '/a', subPath: 'tls.crt' }] },
    ],
  });
  it('are by subPath when none of them is the folder', () => {
    assert.deepEqual(mountsOf(pod, 'app').bySubPath, []);
    assert.deepEqual(mountsOf(pod, 'side').bySubPath, ['certs']);
    assert.deepEqual(mountsOf(pod, undefined).bySubPath, []);
  });
  it('are those of a container that there is', () => {
    assert.throws(() => mountsOf(pod, 'none'), /--container: the pod has no "none"; there are app, side/);
  });
});
