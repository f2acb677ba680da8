import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  advance,
  longestWaitMs,
  published,
  withSigned,
} from '../../../../../src/controller/trust/rotation/rotation.ts';
import type {
  Authority,
  PresentAuthority,
  Rotation,
  RotationGate,
} from '../../../../../src/controller/trust/rotation/rotation.ts';
import {
  parseRotationRecord,
  rotationRecord,
} from '../../../../../src/controller/trust/rotation/rotation-record.ts';

const minute = 60_000;
const settleMs = 10_000;

/**
 * Roots 1 to 4, each with itself and two intermediates to sign. One of each verifies under the next root too, which its
 * Secret names at times: the same CA with one anchor or with two.
 */
const authorities: readonly PresentAuthority[] = [1, 2, 3, 4].flatMap((root) => [
  ...[0, 1, 2].map((one) => authority(`${root}${one}`, [root])),
  authority(`${root}3`, [root]),
  authority(`${root}3`, [root, (root % 4) + 1]),
]);

function authority(id: string, roots: readonly number[]): PresentAuthority {
  const anchors = roots.map((root) => `${root}`.repeat(64));
  return { id: id.repeat(32), anchors, under: anchors, verifiedBy: anchors, notAfter: 10_000 * minute };
}

/** A cluster in which anything may happen next, with what must always hold. */
class Model {
  readonly #random: () => number;
  #now = 0;
  #rotation: Rotation = {
    phase: 'steady',
    signing: { ...authority('10', [1]), signedUntil: 0 },
    since: 0,
    established: ['1'.repeat(64)],
  };
  #present: PresentAuthority | undefined = authorities[0];
  #gate: RotationGate | undefined;
  /** Ids of the CAs whose key the controller has. */
  readonly #keys = new Set<string>();
  /** What the volumes of each node trust. */
  readonly #nodes = new Map<number, ReadonlySet<string>>();
  /** Anchors that a node may lack though a CA signs under them: by force, or after a minute without any signer. */
  readonly #imposed = new Set<string>();
  readonly #leaves: { readonly anchors: readonly string[]; readonly until: number }[] = [];
  #dropped = false;
  signed = 0;
  switches = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  step(): void {
    this.#pick(events)(this);
    this.look();
    this.#checkAnchors();
  }

  look(): void {
    if (this.#present) this.#keys.add(this.#present.id);
    const before = this.#rotation;
    const signing = before.phase === 'waiting' ? '' : before.signing.id;
    const set = new Set(published(before));
    const covered = [...this.#nodes.values()].every((has) => has.symmetricDifference(set).size === 0);
    const next = advance(before, {
      now: this.#now,
      present: this.#present,
      oldKeyKnown: this.#keys.has(signing),
      gate: this.#gate,
      spread: covered && this.#now >= before.since + settleMs,
    });
    this.#rotation = next;
    this.#dropped ||= this.#gate === 'drop';
    if (next.phase !== 'waiting' && next.signing.id !== signing) this.#switched(next.signing, before);
  }

  replaceSecret(): void {
    this.#present = this.#pick(authorities);
  }

  deleteSecret(): void {
    this.#present = undefined;
  }

  gate(): void {
    this.#gate = this.#pick([undefined, undefined, undefined, 'hold', 'force', 'drop']);
  }

  /** Another controller goes on from the record; the old key may be lost. */
  failOver(): void {
    const kept = parseRotationRecord(rotationRecord(this.#rotation));
    assert.ok(kept);
    this.#rotation = kept;
    if (this.#random() < 0.5) this.#keys.clear();
  }

  wait(): void {
    this.#now += Math.floor(this.#random() * 3 * minute);
  }

  /** A node's volumes are given what is published, which is also how a node comes to have some. */
  apply(): void {
    this.#nodes.set(Math.floor(this.#random() * 3), new Set(published(this.#rotation)));
  }

  leave(): void {
    this.#nodes.delete(Math.floor(this.#random() * 3));
  }

  sign(): void {
    const rotation = this.#rotation;
    if (rotation.phase === 'waiting' || !this.#keys.has(rotation.signing.id)) return;
    const until = Math.min(this.#now + Math.ceil(this.#random() * 20) * minute, rotation.signing.notAfter);
    if (until <= this.#now) return;
    this.signed += 1;
    this.#leaves.push({ anchors: rotation.signing.under, until });
    this.#rotation = withSigned(rotation, rotation.signing, until, this.#now);
  }

  #switched(signing: Authority, before: Rotation): void {
    this.switches += 1;
    const forced = this.#gate === 'force' || this.#gate === 'drop';
    // Published for a minute, and nothing else to sign with: the state says so itself, or did until this moment.
    const waited = this.#now >= before.since + longestWaitMs;
    const unsigned = before.phase === 'waiting' || !this.#keys.has(before.signing.id);
    if (forced || (waited && unsigned)) for (const anchor of signing.under) this.#imposed.add(anchor);
    if (signing.under.some((anchor) => this.#imposed.has(anchor))) return;
    for (const [node, has] of this.#nodes) {
      assert.ok(
        signing.under.some((anchor) => has.has(anchor)),
        `node ${node} trusts what signs now`,
      );
    }
  }

  #checkAnchors(): void {
    if (this.#dropped) return;
    const trusted = new Set(published(this.#rotation));
    for (const { anchors, until } of this.#leaves) {
      if (until <= this.#now) continue;
      assert.ok(
        anchors.every((anchor) => trusted.has(anchor)),
        'an anchor is trusted while a leaf of it lives',
      );
    }
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random() * all.length)] as T;
  }
}

const events: readonly ((model: Model) => void)[] = [
  (model) => model.replaceSecret(),
  (model) => model.deleteSecret(),
  (model) => model.gate(),
  (model) => model.failOver(),
  (model) => model.leave(),
  ...Array.from({ length: 4 }, () => (model: Model) => model.wait()),
  ...Array.from({ length: 6 }, () => (model: Model) => model.apply()),
  ...Array.from({ length: 4 }, () => (model: Model) => model.sign()),
];

/** The same numbers for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('whatever happens in a cluster', () => {
  it('no CA signs that a node does not trust, and no anchor goes before its leaves', () => {
    let [signed, switches] = [0, 0];
    for (let seed = 1; seed <= 3_000; seed += 1) {
      const model = new Model(randomFrom(seed));
      try {
        for (let step = 0; step < 120; step += 1) model.step();
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
      signed += model.signed;
      switches += model.switches;
    }
    assert.ok(signed > 10_000 && switches > 5_000, `${signed} certificates, ${switches} switches`);
  });
});
