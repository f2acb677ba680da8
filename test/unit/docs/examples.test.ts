import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { describe, it } from 'node:test';
import { root } from '../../../tools/run-command.ts';
import { examplesOf } from '../../support/examples-of.ts';
import { parseSource, sourceOf } from '../driver/support/builders.ts';

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

/** Of this driver, in a pod or a part of one. */
function attributesIn(example: Example | null): Attributes[] {
  const volumes = example?.spec?.volumes ?? example?.volumes ?? [];
  const ofVolumes = [example?.csi, ...volumes.map(({ csi }) => csi)]
    .filter((csi) => csi?.driver === 'csi.certmount.io')
    .map((csi) => csi?.volumeAttributes);
  return [example?.volumeAttributes, ...ofVolumes].filter((attributes) => attributes !== undefined);
}
