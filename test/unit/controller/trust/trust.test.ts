import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { AnchorSet } from '../../../../src/api/anchor-set.ts';
import type { IssuerSpec } from '../../../../src/api/issuer.ts';
import { issuerKeyText } from '../../../../src/controller/issuers/issuer-key.ts';
import { Trust } from '../../../../src/controller/trust/trust.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { WatchedApi, watchedMetadata } from '../approval/support/watched-api.ts';
import { newCa, newIssuer } from '../builders.ts';

const key = { kind: 'ClusterIssuer', name: 'mesh' } as const;
const ca = await newCa();

function newSet(): AnchorSet {
  const spec = { source: 'ClusterIssuer/mesh', anchors: ca.pem, sequence: 1 };
  return { metadata: watchedMetadata('clusterissuer.mesh'), spec };
}

/** Over a cluster with the ClusterIssuer `mesh` of this kind, and these sets. */
class Fixture {
  readonly api = new WatchedApi();
  readonly changed: string[] = [];
  readonly trust: Trust;

  private constructor(spec: IssuerSpec) {
    const clock = new FakeClock();
    const { client } = this.api;
    this.trust = new Trust(
      { trustDomain: 'cluster.local', settleMs: 0 },
      {
        client,
        clock,
        random: () => 0,
        log: silentLogger,
        events: { record: () => {} } as never,
        issuers: {
          find: ({ name }) => (name === key.name ? newIssuer(spec) : undefined),
          synced: true,
          whenSynced: () => Promise.resolve(),
        },
        present: () => undefined,
        secretOf: () => undefined,
        onChange: (issuer) => void this.changed.push(issuerKeyText(issuer)),
        onReady: () => {},
      },
    );
  }

  static async start(t: TestContext, spec: IssuerSpec, sets: readonly AnchorSet[]): Promise<Fixture> {
    const fixture = new Fixture(spec);
    fixture.api.objects['anchorsets'] = [...sets];
    assert.equal(fixture.trust.anchors(key), undefined, 'not before the sets are known');
    const stop = new AbortController();
    const ended = fixture.trust.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await ended;
    });
    await settled();
    fixture.changed.length = 0;
    return fixture;
  }
}

async function settled(): Promise<void> {
  for (let round = 0; round < 5; round++) await settle();
}

describe('the anchors of an issuer', () => {
  it('that has no CA any more are those of before until its AnchorSet goes, and then none', async (t) => {
    for (const spec of [{ vault: {} }, { selfSigned: {} }, { vault: {}, selfSigned: {} }, {}]) {
      const set = newSet();
      const { api, changed, trust } = await Fixture.start(t, spec as IssuerSpec, [set]);
      assert.deepEqual(
        trust.anchors(key)?.map(({ pem }) => pem),
        [ca.pem],
      );
      api.tell('anchorsets', 'DELETED', set);
      await settled();
      assert.deepEqual(trust.anchors(key), []);
      assert.deepEqual(changed, ['ClusterIssuer/mesh'], 'and who publishes them is told');
    }
  });

  it('of a CA are not known to be none without its AnchorSet', async (t) => {
    const { trust } = await Fixture.start(t, { ca: { secretName: 'ca' } }, []);
    assert.equal(trust.anchors(key), undefined);
    assert.equal(trust.anchors({ kind: 'ClusterIssuer', name: 'other' }), undefined);
  });
});
