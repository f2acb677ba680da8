import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { KeyObject } from 'node:crypto';
import type { Pod } from '../../../../src/api/core.ts';
import type { PodCertificateRequest } from '../../../../src/api/pod-certificate-request.ts';
import type { Facts } from '../../../../src/controller/approval/facts/facts.ts';
import { issuerKeyText } from '../../../../src/controller/issuers/issuer-key.ts';
import type { IssuerState } from '../../../../src/controller/issuers/issuer-state.ts';
import type { SignResult } from '../../../../src/controller/issuers/signer.ts';
import { selfSignedSigner } from '../../../../src/controller/issuers/selfsigned/selfsigned-signer.ts';
import { checkStatus } from '../../../../src/controller/pod-certificates/check-status.ts';
import type { PodCertificateOutcome } from '../../../../src/controller/pod-certificates/pod-certificate-outcome.ts';
import { resolvePodCertificate } from '../../../../src/controller/pod-certificates/resolve-pod-certificate.ts';
import { certificateTemplate } from '../../../../src/controller/requests/certificate-template.ts';
import {
  decodePem,
  noAltNames,
  parseChain,
  publicKeyOf,
  signCertificate,
} from '../../../../src/pki/index.ts';
import type { CertificateTemplate } from '../../../../src/pki/index.ts';
import type { LeftDecision, PolicyDecision, PolicyRequest } from '../../../../src/policy/index.ts';
import { encode, sequence } from '../../../../src/pki/der/writer.ts';
import { forgeExtension, forgeRequest } from '../../pki/support/forge.ts';
import { newCa, newKey, now } from '../builders.ts';
import type { TestCa } from '../builders.ts';
import { identity, minute, newPodCertificateRequest } from './builders.ts';

const hour = 60 * minute;
const approve = ({ certificate: { duration } }: PolicyRequest): PolicyDecision => ({
  decision: 'approve',
  policy: 'certmount-default',
  duration,
});
const pod: Pod = {
  metadata: { namespace: 'web', name: 'api-0', uid: 'pod-uid-1', labels: { app: 'api' } },
  spec: { nodeName: 'node-a', serviceAccountName: 'api' },
  status: { podIPs: [{ ip: '10.1.0.7' }] },
};

let root: TestCa;
let ca: TestCa;
let key: KeyObject;

before(async () => {
  root = await newCa();
  ca = await newCa({ parent: root });
  key = await newKey();
});

interface Options {
  readonly states?: Readonly<Record<string, IssuerState>>;
  readonly decide?: (request: PolicyRequest) => PolicyDecision;
  readonly watched?: Pod | undefined;
  readonly live?: Pod | undefined;
  readonly at?: number;
  /** When the request was seen first; at once when not given. */
  readonly seenAt?: number;
}

/** Issuers by their key's text; all of them sign with `ca` unless they say otherwise. */
function resolve(
  request: PodCertificateRequest,
  options: Options = {},
): Promise<PodCertificateOutcome> & { readonly judged: PolicyRequest[] } {
  const { states = { 'ClusterIssuer/mesh-ca': ready() }, decide = approve, at = now } = options;
  const judged: PolicyRequest[] = [];
  const facts = (found: Pod | undefined): Facts => ({
    pod: () => Promise.resolve(found),
    nodeUid: (name) => Promise.resolve(name === 'node-a' ? 'node-uid-1' : undefined),
    services: () => Promise.resolve([]),
  });
  const outcome = resolvePodCertificate(
    request,
    options.seenAt ?? at,
    { trustDomain: 'cluster.local', clusterDomain: 'cluster.local' },
    {
      now: () => at,
      random: () => 0.5,
      issuer: (issuer) => states[issuerKeyText(issuer)],
      judge: {
        decide: (asked) => {
          judged.push(asked);
          return Promise.resolve(decide(asked));
        },
      },
      facts: {
        watched: facts('watched' in options ? options.watched : pod),
        live: facts('live' in options ? options.live : pod),
      },
    },
  );
  return Object.assign(outcome, { judged });
}

function ready(overrides: Partial<CertificateTemplate> = {}, chain = (): string => ca.pem): IssuerState {
  return signing(async (template) => ({
    result: 'issued',
    issued: { certificate: (await signCertificate({ ...template, ...overrides }, ca)) + chain() },
  }));
}

function signing(sign: (template: CertificateTemplate) => Promise<SignResult>): IssuerState {
  return {
    state: 'ready',
    reason: '',
    message: '',
    anchors: [],
    signer: {
      signsWith: 'authority',
      sign: ({ checked, now: at }) => sign(certificateTemplate(checked, {}, at)),
    },
  };
}

async function waiting(request: PodCertificateRequest, options: Options): Promise<string> {
  const outcome = await resolve(request, options);
  assert.equal(outcome.outcome, 'waiting', JSON.stringify(outcome));
  return outcome.outcome === 'waiting' ? outcome.reason : '';
}

async function denied(
  request: PodCertificateRequest,
  options: Options = {},
): Promise<readonly [string, string]> {
  const outcome = await resolve(request, options);
  assert.equal(outcome.outcome, 'denied', JSON.stringify(outcome));
  return outcome.outcome === 'denied' ? [outcome.reason, outcome.message] : ['', ''];
}

describe('the answer to a kubelet', () => {
  it('is what the API server takes, for every lifetime that it allows', async () => {
    for (const maxExpirationSeconds of [3600, 3601, 86_400, 7_862_400]) {
      const request = await newPodCertificateRequest({ key, maxExpirationSeconds });
      const outcome = await resolve(request, { at: now + 437 });
      assert.ok(outcome.outcome === 'issued');
      assert.equal(checkStatus(request, outcome.status, now), undefined);
      const { notAfter, notBefore } = outcome.leaf;
      assert.equal(notAfter.getTime() - notBefore.getTime(), maxExpirationSeconds * 1000);
      assert.deepEqual(outcome.leaf.altNames.uris, [identity]);
      assert.ok(outcome.leaf.publicKey.equals(publicKeyOf(key)));
    }
  });

  it('is shorter than the kubelet would take where a policy allows no more', async () => {
    const decide = (asked: PolicyRequest): PolicyDecision => {
      assert.equal(asked.certificate.shortestDuration, hour);
      return { decision: 'approve', policy: 'short', duration: 12 * hour };
    };
    const outcome = await resolve(await newPodCertificateRequest(), { decide });
    assert.ok(outcome.outcome === 'issued');
    const { notAfter, notBefore } = outcome.leaf;
    assert.equal(notAfter.getTime() - notBefore.getTime(), 12 * hour);
  });

  it('has intermediates, but no root', async () => {
    const chain = (): string => ca.pem + root.pem;
    const outcome = await resolve(await newPodCertificateRequest(), {
      states: { 'ClusterIssuer/mesh-ca': ready({}, chain) },
    });
    assert.ok(outcome.outcome === 'issued');
    assert.deepEqual(
      parseChain(outcome.status.certificateChain ?? '').map(({ pem }) => pem),
      [outcome.leaf.pem, ca.pem],
    );
  });

  it('asks policies for the pod as the cluster has it, in the name of its service account', async () => {
    const request = await newPodCertificateRequest({
      unverifiedUserAnnotations: { 'certmount.io/dns-names': 'api-0.web' },
    });
    const outcome = resolve(request);
    await outcome;
    const [asked] = outcome.judged;
    assert.deepEqual(asked?.subject.username, 'system:serviceaccount:web:api');
    assert.deepEqual([asked.pod?.ips, asked.pod?.labels], [['10.1.0.7'], { app: 'api' }]);
    assert.deepEqual(asked.issuer, { name: 'mesh-ca', kind: 'ClusterIssuer', group: 'cert-manager.io' });
    const { altNames, duration, isCA } = asked.certificate;
    assert.deepEqual([altNames.uris, altNames.dnsNames], [[identity], ['api-0.web']]);
    assert.deepEqual([duration, isCA], [24 * hour, false]);
  });

  it('takes no pod for this one that has only its name', async () => {
    const other = { ...pod, metadata: { ...pod.metadata, uid: 'another' } };
    const outcome = resolve(await newPodCertificateRequest(), { watched: other });
    await outcome;
    assert.deepEqual(
      outcome.judged.map(({ pod: asked }) => [asked?.uid, asked?.ips]),
      [['pod-uid-1', ['10.1.0.7']]],
    );
  });

  it('is not given by a rule about labels that nobody has read', async () => {
    const decide = (request: PolicyRequest): PolicyDecision =>
      'app' in (request.pod?.labels ?? {}) ? { decision: 'deny', message: 'not for apps' } : approve(request);
    const request = await newPodCertificateRequest();
    assert.equal(await waiting(request, { decide, watched: undefined }), 'NotAllowedYet');
  });

  it('is dated by the API server where our clock is behind', async () => {
    // Looked at five minutes after it was first seen.
    const at = now - hour + 5 * minute;
    const outcome = await resolve(await newPodCertificateRequest(), { at, seenAt: now - hour });
    assert.ok(outcome.outcome === 'issued');
    assert.equal(outcome.leaf.notBefore.getTime(), now + 4 * minute);
  });
});

describe('a denial', () => {
  it('is for the annotation, the key or the policy, in words of the API', async () => {
    const unknown = { unverifiedUserAnnotations: { 'certmount.io/size': '1' } };
    const [annotation] = await denied(await newPodCertificateRequest(unknown));
    assert.equal(annotation, 'InvalidUnverifiedUserAnnotations');
    const [type] = await denied(await newPodCertificateRequest({ stubPKCS10Request: 'AAAA' }));
    assert.equal(type, 'UnsupportedKeyType');
    const no = (): PolicyDecision => ({ decision: 'deny', message: 'not "x"' });
    const seenAt = now - minute;
    assert.deepEqual(await denied(await newPodCertificateRequest(), { decide: no, seenAt }), [
      'PolicyDenied',
      'not "x"',
    ]);
  });

  it('is for a stub that asks for names, and for a request without a key', async () => {
    const stub = { altNames: { ...noAltNames, dnsNames: ['bank.example'] } };
    const [, names] = await denied(await newPodCertificateRequest({ stub }));
    assert.match(names, /asks for more than a key/);
    const permitted = encode(0xa0, sequence(encode(0x82, Buffer.from('bank.example'))));
    const constrained = decodePem(
      forgeRequest(key, { extensions: [forgeExtension('2.5.29.30', sequence(permitted))] }),
      'the stub',
      10_000,
    )[0]?.der;
    const stubPKCS10Request = constrained?.toString('base64') ?? '';
    const [, constraints] = await denied(await newPodCertificateRequest({ stubPKCS10Request }));
    assert.match(constraints, /asks for more than a key/);
    const [, none] = await denied(await newPodCertificateRequest({ stubPKCS10Request: null }));
    assert.match(none, /has no key/);
  });

  it('is for a pod that has ended, as a volume of it would be', async () => {
    const live = { ...pod, status: { phase: 'Succeeded' } };
    const [reason] = await denied(await newPodCertificateRequest(), { watched: undefined, live });
    assert.equal(reason, 'PodFinished');
  });

  it('is never spoken by a cache that is behind', async () => {
    const decide = (asked: PolicyRequest): PolicyDecision =>
      asked.pod?.ips.includes('10.1.0.7') ? approve(asked) : { decision: 'deny', message: 'no' };
    const request = await newPodCertificateRequest();
    const watched = { ...pod, status: {} };
    const outcome = resolve(request, { decide, watched });
    assert.equal((await outcome).outcome, 'issued');
    assert.equal(outcome.judged.length, 2);
  });
});

describe('a request waits', () => {
  it('for an issuer that is missing, loading or not ready', async () => {
    const request = await newPodCertificateRequest();
    assert.equal(await waiting(request, { states: {} }), 'IssuerNotFound');
    const state: IssuerState = { state: 'not-ready', reason: 'ErrGetKeyPair', message: 'secret "x"' };
    const outcome = await resolve(request, { states: { 'ClusterIssuer/mesh-ca': state } });
    assert.ok(outcome.outcome === 'waiting' && outcome.reason === 'IssuerNotReady');
    assert.doesNotMatch(outcome.message, /secret/);
    const loading: IssuerState = { state: 'loading' };
    assert.equal((await resolve(request, { states: { 'ClusterIssuer/mesh-ca': loading } })).outcome, 'hold');
  });

  it('for a policy that applies', async () => {
    const leave = (because: LeftDecision['because']) => (): PolicyDecision => ({
      decision: 'leave',
      because,
      message: 'none applies',
    });
    const request = await newPodCertificateRequest();
    for (const because of ['no-policy', 'not-ready'] as const)
      assert.equal(await waiting(request, { decide: leave(because) }), 'NoPolicy');
    assert.equal((await resolve(request, { decide: leave('being-read') })).outcome, 'hold');
  });

  it('for nothing, but unanswered, where its pod is gone', async () => {
    const other = { ...pod, metadata: { ...pod.metadata, uid: 'another' } };
    const elsewhere = { ...pod, spec: { ...pod.spec, nodeName: 'node-b' } };
    const others = { ...pod, spec: { ...pod.spec, serviceAccountName: 'admin' } };
    for (const live of [undefined, other, elsewhere, others])
      assert.equal(await waiting(await newPodCertificateRequest(), { watched: undefined, live }), 'PodGone');
    const moved = await newPodCertificateRequest({ nodeUID: 'another' });
    assert.equal(await waiting(moved, {}), 'PodGone');
  });

  it('for a policy, a binding or a Service that allows it, for half a minute, and is denied after that', async () => {
    const decide = (): PolicyDecision => ({ decision: 'deny', message: 'not "x"' });
    const request = await newPodCertificateRequest();
    for (const ago of [0, minute / 2 - 1]) {
      const outcome = await resolve(request, { decide, seenAt: now - ago });
      assert.deepEqual(outcome, {
        outcome: 'waiting',
        reason: 'NotAllowedYet',
        message: 'not "x"',
        until: now - ago + minute / 2,
      });
    }
    const [reason, message] = await denied(request, { decide, seenAt: now - minute / 2 });
    assert.deepEqual([reason, message], ['PolicyDenied', 'not "x"']);
  });

  it('for an issuer that cannot sign it, or gives something else', async () => {
    const request = await newPodCertificateRequest({ key });
    const by = (state: IssuerState): Promise<string> =>
      waiting(request, { states: { 'ClusterIssuer/mesh-ca': state } });
    const selfSigned = { ...ready(), signer: selfSignedSigner({}, { readSecret: () => assert.fail() }) };
    assert.equal(await by(selfSigned as IssuerState), 'IssuerNotReady');
    const problem: SignResult = { result: 'problem', problem: 'SigningError', message: 'vault is away' };
    assert.equal(await by(signing(() => Promise.resolve(problem))), 'SigningError');
    const names = { ...noAltNames, uris: ['spiffe://cluster.local/ns/web/sa/other'] };
    assert.equal(await by(ready({ altNames: names })), 'UnexpectedCertificate');
    const wide = { keyUsages: ['digitalSignature', 'keyAgreement'], extendedKeyUsages: [] } as const;
    assert.equal(await by(ready({ usages: wide })), 'UnexpectedCertificate');
  });
});

describe("a signer's name", () => {
  it('is a ClusterIssuer first, and only then an Issuer beside the pod', async () => {
    const request = await newPodCertificateRequest({ signerName: 'certmount.io/web.ca' });
    const issuer = async (...texts: string[]): Promise<string> => {
      const states = Object.fromEntries(texts.map((text) => [text, ready()]));
      const outcome = await resolve(request, { states });
      return outcome.outcome === 'issued' ? issuerKeyText(outcome.issuer) : outcome.outcome;
    };
    assert.equal(await issuer('Issuer/web/ca', 'ClusterIssuer/web.ca'), 'ClusterIssuer/web.ca');
    assert.equal(await issuer('Issuer/web/ca', 'ClusterIssuer/ca'), 'Issuer/web/ca');
    assert.equal(await issuer('Issuer/bank/ca', 'ClusterIssuer/ca'), 'waiting');
    const foreign = await newPodCertificateRequest({ signerName: 'certmount.io/bank.ca' });
    assert.equal(await waiting(foreign, { states: { 'Issuer/bank/ca': ready() } }), 'IssuerNotFound');
  });
});
