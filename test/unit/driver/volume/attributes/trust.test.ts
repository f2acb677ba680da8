import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failure, specOf } from '../../support/builders.ts';

function refused(attributes: Record<string, string>, ...parts: readonly string[]): void {
  assert.throws(() => specOf(attributes), failure('invalid-attribute', ...parts));
}

describe('whose anchors a volume asks for', () => {
  it('are those of a Bundle, and of others for other trust domains', () => {
    const { files, trust } = specOf({
      'trust-bundle': 'mesh',
      'federated-bundles': 'partner, ${POD_NAMESPACE}-peers',
      'spiffe-bundle-file': 'bundle.json',
    });
    assert.deepEqual(trust, {
      bundle: 'mesh',
      federated: ['partner', 'web-peers'],
      trustDomain: 'cluster.local',
    });
    assert.equal(files.spiffeBundle, 'bundle.json');
  });

  it('are for the trust domain of its SPIFFE ID', () => {
    assert.equal(specOf({ 'uri-sans': 'spiffe://other.org/a' }).trust.trustDomain, 'other.org');
  });

  it('are named as Bundles can be', () => {
    refused({ 'trust-bundle': 'Mesh!' }, 'trust-bundle "Mesh!"', 'a Bundle can have');
    refused({ 'federated-bundles': 'a,b/c' }, 'federated-bundles', '"b/c"');
    refused({ 'federated-bundles': 'a,a' }, 'listed twice');
    refused({ 'trust-bundle': 'a', 'federated-bundles': 'b,a' }, '"a" is the trust-bundle');
    const many = Array.from({ length: 33 }, (_, index) => `b${index}`).join();
    refused({ 'federated-bundles': many }, 'at most 32');
  });

  it('are suggested where they are misspelt', () => {
    refused({ 'trust-bundel': 'mesh' }, 'did you mean trust-bundle?');
    refused({ 'federated-bundle': 'mesh' }, 'did you mean federated-bundles?');
    refused({ 'spiffe-bundle': 'mesh' }, 'did you mean spiffe-bundle-file?');
  });
});

describe('the names of their files', () => {
  it('meet no other', () => {
    refused({ 'spiffe-bundle-file': 'ca.crt' }, 'spiffe-bundle-file', 'already taken by ca-file');
    refused({ 'spiffe-bundle-file': 'a/b' }, 'without "/"');
  });

  it('are kept for federated trust domains where there are some', () => {
    const name = 'other.org.spiffe-trust-bundle.pem';
    refused({ 'ca-file': name, 'federated-bundles': 'x' }, 'federated-bundles', 'trust domain other.org');
    refused({ 'spiffe-bundle-file': 'other.org.spiffe-bundle.json', 'federated-bundles': 'x' }, 'other.org');
    assert.equal(specOf({ 'ca-file': name }).files.ca, name);
    const own = specOf({
      preset: 'spiffe',
      'federated-bundles': 'x',
      'spiffe-bundle-file': 'cluster.local.spiffe-bundle.json',
    });
    assert.equal(own.files.ca, 'cluster.local.spiffe-trust-bundle.pem');
  });
});
