import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pod, policy, run } from './support/run-policy-test.ts';

const projection = (changes: object = {}): object => ({
  name: 'identity',
  projected: {
    sources: [
      { clusterTrustBundle: { signerName: 'certmount.io/mesh', path: 'ca.pem' } },
      { podCertificate: { signerName: 'certmount.io/mesh', keyType: 'ECDSAP256', ...changes } },
    ],
  },
});

const withProjection = (changes: object = {}): { p: string } => ({
  p: pod({}, { volumes: [projection(changes)] }),
});

describe('certmount policy test of pod certificates', () => {
  it('judges what the kubelet would ask for', async () => {
    const { code, out } = await run(withProjection(), '-f', 'p');
    assert.equal(code, 0);
    assert.equal(
      out,
      `Pod web/api, pod certificate in volume identity: approved by certmount-default
  issuer         ClusterIssuer.cert-manager.io/mesh
  requester      system:serviceaccount:web:api
  uris           spiffe://cluster.local/ns/web/sa/api
  usages         digital signature, server auth, client auth
  duration       24h0m0s
  key            ECDSA 256
`,
    );
  });

  it('takes names, lifetime and key of the projection', async () => {
    const annotations = { 'certmount.io/dns-names': '${POD_NAME}.web, www.example.org' };
    const changes = { keyType: 'RSA3072', maxExpirationSeconds: 3600, userAnnotations: annotations };
    const { code, out } = await run(withProjection(changes), '-f', 'p');
    assert.equal(code, 1);
    assert.match(out, /dnsNames +api\.web, www\.example\.org\n/);
    assert.match(out, /usages +digital signature, server auth, client auth, key encipherment\n/);
    assert.match(out, /duration +1h0m0s\n {2}key +RSA 3072\n/);
    assert.match(out, /dnsNames "www\.example\.org": must be a name of the pod/);
    assert.match(out, /To have it: change the projection, or let/);
  });

  it('knows no address of the pod: it comes after its volumes', async () => {
    const address = { userAnnotations: { 'certmount.io/ip-sans': '192.0.2.1' } };
    assert.equal((await run(withProjection(address), '-f', 'p')).code, 1);
  });

  it('says what the controller would deny at once', async () => {
    const { code, out } = await run(
      withProjection({ userAnnotations: { 'certmount.io/dns-nmes': 'x' } }),
      '-f',
      'p',
    );
    assert.equal(code, 1);
    assert.match(
      out,
      /pod certificate in volume identity: refused by the controller\n {2}user annotation "certmount\.io\/dns-nmes" is not known: did you mean certmount\.io\/dns-names\?/,
    );
  });

  it('holds the projection to what the API server takes', async () => {
    for (const [changes, fault] of [
      [{ keyType: 'DSA' }, 'keyType: "DSA" must be one of RSA3072, RSA4096, ECDSAP256'],
      [{ maxExpirationSeconds: 60 }, 'maxExpirationSeconds: 60 must be from 3600 to 7862400'],
    ] as const) {
      const { code, err } = await run(withProjection(changes), '-f', 'p');
      assert.deepEqual(
        [code, err.includes(`spec.volumes[0].projected.sources[1].podCertificate.${fault}`)],
        [3, true],
        err,
      );
    }
  });

  it('means the Issuer beside the pod by a name with its namespace, and leaves other signers alone', async () => {
    const beside = await run(withProjection({ signerName: 'certmount.io/web.ca' }), '-f', 'p');
    assert.match(beside.out, /issuer +Issuer\.cert-manager\.io\/ca\n/);
    assert.equal((await run(withProjection({ signerName: 'example.org/ca' }), '-f', 'p')).code, 3);
  });

  it('says what lifetime it gets where a policy allows less', async () => {
    const short = policy('short', {
      allowed: { uris: { values: ['*'] }, usages: ['digital signature', 'server auth', 'client auth'] },
      constraints: { maxDuration: '2h' },
    });
    const { code, out } = await run({ ...withProjection(), short }, '-f', 'p', '--policy', 'short');
    assert.equal(code, 0, out);
    assert.match(out, /approved by short\n(.*\n)* {2}of the lifetime it allows 2h0m0s\n/);
  });
});
