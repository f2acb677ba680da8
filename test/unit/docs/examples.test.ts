import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { describe, it } from 'node:test';
import { root } from '../../../tools/run-command.ts';
import { examplesOf } from '../../support/examples-of.ts';
import { compile, evaluate, violationText } from '../../../src/policy/index.ts';
import type { CertificateRequestPolicy } from '../../../src/api/certificate-request-policy.ts';
import { parseSource, sourceOf } from '../driver/support/builders.ts';
import { aPod, aRequest, compiled, surroundings } from '../policy/support/builders.ts';

type Attributes = Readonly<Record<string, string>>;

interface Example extends Fragment {
  readonly spec?: Fragment;
  readonly csi?: Csi;
  readonly volumeAttributes?: Attributes;
}

interface Fragment {
  readonly volumes?: readonly { readonly csi?: Csi }[];
}

interface Csi {
  readonly driver: string;
  readonly volumeAttributes: Attributes;
}

describe('the examples of volumes in the documents', () => {
  const found = globSync('{README.md,docs/*.md}', { cwd: root }).flatMap((page) =>
    (examplesOf(page) as (Example | null)[])
      .flatMap(attributesIn)
      .map((attributes) => ({ page, attributes })),
  );

  it('are understood by the driver', () => {
    assert.ok(found.length > 15);
    for (const { attributes, page } of found)
      assert.doesNotThrow(() => parseSource(sourceOf('/target', attributes)), page);
  });

  it('name the issuer that the README makes, so that they work as they are', () => {
    for (const { attributes, page } of found)
      if (attributes['issuer-name'] === 'mesh')
        assert.equal(attributes['issuer-kind'], 'ClusterIssuer', `${page}: ${JSON.stringify(attributes)}`);
  });
});

describe('the examples of policies in the documents', () => {
  const policies = globSync('{README.md,docs/*.md}', { cwd: root }).flatMap((page) =>
    (examplesOf(page) as (CertificateRequestPolicy | null)[]).filter(
      (example): example is CertificateRequestPolicy => example?.kind === 'CertificateRequestPolicy',
    ),
  );

  it('can decide', () => {
    assert.ok(policies.length > 3);
    for (const policy of policies)
      assert.equal(compile(policy).outcome, 'compiled', policy.metadata.name ?? '');
  });

  it('give the freedom that there was before policies where the page says so', () => {
    const wide = policies.find(({ metadata }) => metadata.name === 'certmount-default') ?? assert.fail();
    const violations = (...uris: string[]): string[] => {
      const altNames = { dnsNames: ['www.example.org', '*.example.org'], ipAddresses: ['192.0.2.1'], uris };
      const certificate = { altNames, duration: 8760 * 3_600_000 };
      return evaluate(compiled(wide), aRequest({ pod: aPod(), certificate }), surroundings).map(
        violationText,
      );
    };
    assert.deepEqual(violations('spiffe://example.org/ns/web/sa/other', 'https://a.example/'), []);
    assert.equal(violations('spiffe://example.org/ns/webs/sa/api').length, 1);
    assert.equal(violations('spiffe://example.com/ns/web/sa/api').length, 1);
    assert.equal(violations('SPIFFE://example.org/ns/other/sa/api').length, 1);
  });
});

/** Of this driver, in a pod or a part of one. */
function attributesIn(example: Example | null): Attributes[] {
  const volumes = example?.spec?.volumes ?? example?.volumes ?? [];
  const ofVolumes = [example?.csi, ...volumes.map(({ csi }) => csi)]
    .filter((csi) => csi?.driver === 'csi.certmount.io')
    .map((csi) => csi?.volumeAttributes);
  return [example?.volumeAttributes, ...ofVolumes].filter((attributes) => attributes !== undefined);
}
