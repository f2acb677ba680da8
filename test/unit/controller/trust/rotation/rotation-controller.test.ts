import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { AnchorSet } from '../../../../../src/api/anchor-set.ts';
import type { Secret } from '../../../../../src/api/core.ts';
import type { Issuer } from '../../../../../src/api/issuer.ts';
import { EventRecorder } from '../../../../../src/controller/events/event-recorder.ts';
import { readCaKeyPair } from '../../../../../src/controller/issuers/ca/ca-key-pair.ts';
import type { IssuerKey } from '../../../../../src/controller/issuers/issuer-key.ts';
import { AnchorSetWriter } from '../../../../../src/controller/trust/anchor-sets/anchor-set-writer.ts';
import type { Coverage } from '../../../../../src/controller/trust/coverage/node-coverage.ts';
import { IssuerRotations } from '../../../../../src/controller/trust/rotation/issuer-rotations.ts';
import { OtherConsumers } from '../../../../../src/controller/trust/rotation/other-consumers.ts';
import type { KeptPair } from '../../../../../src/controller/trust/rotation/previous-pairs.ts';
import { RotationController } from '../../../../../src/controller/trust/rotation/rotation-controller.ts';
import { KubeError } from '../../../../../src/kube/index.ts';
import { noAltNames } from '../../../../../src/pki/index.ts';
import type { Certificate } from '../../../../../src/pki/index.ts';
import { silentLogger } from '../../../../../src/runtime/log.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';
import { caSecret, newCa, newIssuer } from '../../builders.ts';
import type { TestCa } from '../../builders.ts';

const key: IssuerKey = { kind: 'Issuer', namespace: 'web', name: 'ca' };
const second = 1_000;
const minute = 60 * second;
const [a, b, c] = (await Promise.all(
  ['A', 'B', 'C'].map((commonName) => newCa({ subject: { commonName } })),
)) as [TestCa, TestCa, TestCa];

function kept(ca: TestCa): KeptPair {
  return keptOf(caSecret(ca));
}

function keptOf(secret: Secret): KeptPair {
  const read = readCaKeyPair(secret);
  assert.ok(read.usable);
  return { pair: read.keyPair, secret };
}

/** The issuer `web/ca` in a cluster that stores AnchorSets; one controller after the other. */
class World {
  readonly clock = new FakeClock();
  issuer: Issuer | undefined = newIssuer();
  present: KeptPair | undefined = kept(a);
  coverage: Coverage | undefined = { nodes: 1, covered: 1, missing: [] };
  stored: AnchorSet | undefined;
  /** What the watch tells; the same as stored when not set. */
  cached: AnchorSet | undefined;
  refused: KubeError | undefined;
  refusedRelease: KubeError | undefined;
  previous: KeptPair | undefined;
  room = 128 * 1024;
  writes = 0;
  changes = 0;
  readonly events: string[] = [];
  #version = 0;
  #stop = new AbortController();
  readonly consumers = new OtherConsumers();
  rotations!: IssuerRotations;
  writer!: AnchorSetWriter;
  controller!: RotationController;

  constructor() {
    this.startController();
  }

  /** Another leader, which knows what is stored and nothing else. */
  startController(): void {
    const { clock } = this;
    this.#stop.abort();
    this.#stop = new AbortController();
    this.writer = this.#newWriter();
    this.rotations = new IssuerRotations({
      now: () => clock.now(),
      sets: () => 'present',
      isNew: () => this.issuer?.status === undefined,
      stored: (one) => this.writer.get(one),
      previous: () => this.previous,
      onOutgrown: () => this.controller.touch(key),
    });
    this.controller = new RotationController(
      { trustDomain: 'cluster.local', settleMs: 2 * minute },
      {
        clock,
        random: () => 0,
        log: silentLogger,
        rotations: this.rotations,
        writer: this.writer,
        find: () => this.issuer,
        present: () => this.present,
        coverage: () => this.coverage,
        room: () => this.room,
        consumers: this.consumers,
        onChange: () => void (this.changes += 1),
        onForget: () => {},
        oldPairs: {
          keep: async (_, __, signing) => void (this.previous = signing),
          release: async () => {
            if (this.refusedRelease) throw this.refusedRelease;
            this.previous = undefined;
          },
        },
        events: new EventRecorder(
          { reportingController: 'test', reportingInstance: 'test' },
          {
            clock,
            create: (event) => Promise.resolve(void this.events.push(`${event.type} ${event.reason}`)),
            onError: () => {},
          },
        ),
      },
    );
    void this.controller.run(this.#stop.signal);
  }

  async look(ms = 0): Promise<void> {
    this.controller.touch(key);
    await this.clock.advance(0);
    await this.clock.advance(ms);
  }

  replaceCa(ca: TestCa, ms = 0): Promise<void> {
    return this.replaceSecret(caSecret(ca), ms);
  }

  async replaceSecret(secret: Secret, ms = 0): Promise<void> {
    this.present = keptOf(secret);
    await this.look(ms);
  }

  /** What comes with each certificate. */
  get sent(): readonly Certificate[] | undefined {
    const choice = this.#choice();
    return choice.choice === 'sign' ? choice.pair.sent : undefined;
  }

  annotate(annotations: Record<string, string>): void {
    this.issuer = newIssuer(undefined, {
      metadata: { ...newIssuer().metadata, annotations },
      status: { conditions: [] },
    });
  }

  /** Has a certificate of an hour signed. */
  sign(): void {
    const choice = this.#choice();
    assert.ok(choice.choice === 'sign', choice.choice);
    choice.onSign(this.clock.now() + 60 * minute);
  }

  /** Whose key signs, and the names of what is published. */
  get state(): string {
    const choice = this.#choice();
    const signer = choice.choice === 'sign' ? nameOf(choice.pair.certificate.pem) : choice.choice;
    const published = [a, b, c].filter(({ pem }) => this.stored?.spec.anchors.includes(pem.trim()));
    return `${signer} of ${published.map(({ pem }) => nameOf(pem)).join('')}`;
  }

  get condition(): string {
    const { reason, message } = this.controller.report(key) ?? {};
    return `${reason}: ${message}`;
  }

  #choice(): ReturnType<IssuerRotations['choose']> {
    return this.rotations.choose(key, this.present ?? assert.fail('no Secret'));
  }

  #newWriter(): AnchorSetWriter {
    return new AnchorSetWriter({
      now: () => this.clock.now(),
      cached: () => this.cached ?? this.stored,
      allCached: () => (this.stored ? [this.stored] : []),
      resource: {
        get: async () => this.stored ?? assert.fail('not stored'),
        create: (set) => this.#store(set),
        replace: (set) => this.#store(set),
        replaceStatus: (set) => this.#store(set),
        delete: async () => void (this.stored = undefined),
      },
    });
  }

  async #store(set: AnchorSet): Promise<AnchorSet> {
    if (this.refused) throw this.refused;
    this.writes += 1;
    this.#version += 1;
    this.stored = { ...set, metadata: { ...set.metadata, resourceVersion: `${this.#version}` } };
    return this.stored;
  }
}

function nameOf(pem: string): string {
  return ['A', 'B', 'C'][[a, b, c].findIndex((ca) => ca.pem.trim() === pem.trim())] ?? '?';
}

let world: World;
beforeEach(() => {
  world = new World();
});

describe('a CA that is replaced', () => {
  it('signs on until the next one is everywhere, for ten seconds', async () => {
    await world.look(minute);
    assert.equal(world.state, 'A of A');
    world.sign();
    world.coverage = { nodes: 2, covered: 1, missing: ['x'] };
    await world.replaceCa(b, minute);
    assert.equal(world.state, 'A of AB');
    assert.match(world.condition, /^Spreading: new CA is trusted on 1 of 2 nodes/);
    assert.equal(world.previous?.pair.id, kept(a).pair.id);
    world.coverage = { nodes: 2, covered: 2, missing: [] };
    await world.look();
    assert.equal(world.state, 'B of AB');
    assert.match(world.condition, /^Draining/);
    assert.equal(world.previous, undefined);
    await world.clock.advance(90 * minute);
    assert.equal(world.state, 'B of B');
    assert.deepEqual(world.events, [
      'Normal CARotationSpreading',
      'Normal CARotationDraining',
      'Normal CARotationFinished',
    ]);
  });

  it('signs on while a Bundle that hands it on has not published the next one', async () => {
    const bundle = { has: false, name: 'Bundle mesh', isSilent: false };
    const lacks = (): string | undefined => (bundle.has ? undefined : 'Bundle mesh lacks it (refused)');
    world.consumers.replace('bundles', [[key, { ...bundle, lacks }]]);
    await world.look(minute);
    await world.replaceCa(b, 10 * minute);
    assert.equal(world.state, 'A of AB');
    assert.equal(
      world.condition,
      'Spreading: new CA is trusted on 1 of 1 node, and Bundle mesh lacks it (refused), ' +
        'the old one signs until it is everywhere',
    );
    bundle.has = true;
    await world.look(11 * second);
    assert.equal(world.state, 'B of B');
  });

  it('signs on while it is not known what the nodes have', async () => {
    await world.look(minute);
    world.coverage = undefined;
    await world.replaceCa(b, 10 * minute);
    assert.equal(world.state, 'A of AB');
    assert.match(
      world.condition,
      /^Spreading: it is not known which nodes trust the new CA, the old one signs/,
    );
  });

  it('costs one write for each step, and none in between', async () => {
    await world.look(minute);
    for (let times = 0; times < 10; times += 1) await world.look(minute);
    assert.equal(world.writes, 1);
    await world.replaceCa(b, minute);
    assert.equal(world.writes, 3);
  });

  it('changes nothing that is not written', async () => {
    await world.look(minute);
    world.refused = new KubeError('unavailable', 'no connection');
    await world.replaceCa(b, minute);
    assert.equal(world.state, 'A of A');
    assert.match(world.condition, /^Steady/);
    world.refused = undefined;
    await world.clock.advance(minute);
    assert.equal(world.state, 'B of B');
  });
});

describe('a CA that nodes cannot verify though they trust something of it', async () => {
  const [first, second] = [a, b];
  const policy = await newCa({ parent: first, subject: { commonName: 'Policy' } });
  const issuing = await newCa({ parent: policy, subject: { commonName: 'Issuing' } });
  const sentOf = (...cas: readonly TestCa[]): readonly Certificate[] =>
    cas.map(({ certificate }) => certificate);

  it('does not sign when the chain above the same certificate leads to a new root', async () => {
    const again = await newCa({ parent: second, subject: { commonName: 'Policy' }, key: policy.key });
    world.present = keptOf(caSecret(issuing, { chain: [policy], caCrt: first.pem }));
    await world.look(minute);
    world.coverage = { nodes: 3, covered: 0, missing: ['x', 'y', 'z'] };
    await world.replaceSecret(caSecret(issuing, { chain: [again], caCrt: second.pem }), minute);
    assert.deepEqual(world.sent, sentOf(issuing, policy));
    assert.match(world.condition, /^Spreading/);
    assert.deepEqual(world.previous?.pair.sent, sentOf(issuing, policy), 'for another leader');
    world.coverage = { nodes: 3, covered: 3, missing: [] };
    await world.look();
    assert.deepEqual(world.sent, sentOf(issuing, again));
  });

  it('does not sign under an intermediate that is an anchor nobody has yet', async () => {
    const other = await newCa({ parent: first, subject: { commonName: 'Other policy' } });
    const next = await newCa({ parent: other, subject: { commonName: 'Issuing' } });
    world.present = keptOf(caSecret(issuing, { caCrt: policy.pem + first.pem }));
    await world.look(minute);
    world.coverage = { nodes: 3, covered: 0, missing: ['x', 'y', 'z'] };
    await world.replaceSecret(caSecret(next, { caCrt: other.pem + first.pem }), minute);
    assert.deepEqual(world.sent, sentOf(issuing));
    assert.match(world.condition, /^Spreading/);
    world.coverage = { nodes: 3, covered: 3, missing: [] };
    await world.look();
    assert.deepEqual(world.sent, sentOf(next));
  });
});

describe('an issuer that is deleted and made again', () => {
  it('goes on where it was, with the old key', async () => {
    await world.look(minute);
    world.sign();
    world.coverage = { nodes: 3, covered: 0, missing: ['x', 'y', 'z'] };
    await world.replaceCa(b, minute);
    world.issuer = undefined;
    await world.look(5 * minute);
    assert.ok(world.previous, 'kept for as long as its AnchorSet is');
    world.issuer = newIssuer();
    await world.look(minute);
    assert.equal(world.state, 'A of AB');
    assert.match(world.condition, /^Spreading: new CA is trusted on 0 of 3 nodes/);
  });

  it('loses the old key when it stays away', async () => {
    await world.look(minute);
    world.coverage = { nodes: 3, covered: 0, missing: ['x', 'y', 'z'] };
    await world.replaceCa(b, minute);
    world.issuer = undefined;
    await world.look(11 * minute);
    assert.equal(world.previous, undefined);
    assert.equal(world.rotations.get(key), undefined);
  });
});

describe('an old key that is lost while the new CA spreads', () => {
  it('leaves requests waiting for a minute from there, however long it has spread before', async () => {
    await world.look(minute);
    world.sign();
    await world.look();
    world.coverage = { nodes: 1, covered: 0, missing: ['x'] };
    await world.replaceCa(b, 10 * minute);
    assert.equal(world.state, 'A of AB');
    world.previous = undefined;
    world.startController();
    await world.look(50 * second);
    assert.equal(world.state, 'wait of AB');
    await world.clock.advance(11 * second);
    assert.equal(world.state, 'B of AB');
  });
});

describe('a watch that is behind', () => {
  it('brings no step back, though a status could not be written meanwhile', async () => {
    await world.look(minute);
    world.sign();
    world.coverage = { nodes: 1, covered: 0, missing: ['x'] };
    await world.replaceCa(b, minute);
    world.cached = world.stored;
    world.coverage = { nodes: 1, covered: 1, missing: [] };
    await world.look();
    world.sign();
    world.refused = new KubeError('conflict', 'changed');
    await world.writer.writeStatus(key, { coverage: { nodes: 1, covered: 1 } });
    world.refused = undefined;
    await world.look(minute);
    assert.equal(world.state, 'B of AB');
    assert.ok(world.rotations.get(key)?.rotation.phase === 'draining');
  });
});

describe('an old key that cannot be removed', () => {
  it('hides nothing of the rotation, and is tried again', async () => {
    await world.look(minute);
    world.sign();
    world.refusedRelease = new KubeError('forbidden', 'no right to delete secrets');
    await world.replaceCa(b, 11 * second);
    assert.equal(world.state, 'B of AB');
    assert.match(world.condition, /^Draining/);
    assert.ok(world.events.includes('Normal CARotationDraining'));
    assert.ok(world.previous);
    world.refusedRelease = undefined;
    await world.clock.advance(minute);
    assert.equal(world.previous, undefined);
  });

  it('leaves nothing in memory of an issuer that is gone', async () => {
    await world.look(minute);
    world.refusedRelease = new KubeError('forbidden', 'no right to delete secrets');
    world.issuer = undefined;
    await world.look(11 * minute);
    assert.equal(world.rotations.get(key), undefined);
    assert.equal(world.controller.report(key), undefined);
  });
});

describe('a leader that comes in the midst of it', () => {
  it('goes on with the old key', async () => {
    await world.look(minute);
    world.coverage = { nodes: 1, covered: 0, missing: ['x'] };
    await world.replaceCa(b, minute);
    world.startController();
    await world.look(minute);
    assert.equal(world.state, 'A of AB');
  });

  it('keeps requests waiting no longer than a minute from the beginning', async () => {
    await world.look(minute);
    world.sign();
    await world.look();
    world.startController();
    world.coverage = { nodes: 1, covered: 0, missing: ['x'] };
    await world.replaceCa(b, 40 * second);
    assert.equal(world.state, 'wait of AB');
    world.startController();
    await world.look(15 * second);
    assert.equal(world.state, 'wait of AB');
    assert.match(world.condition, /^WaitingForTrust: new CA is trusted on 0 of 1 node,/);
    await world.clock.advance(6 * second);
    assert.equal(world.state, 'B of AB');
  });

  it('lets the new CA sign as soon as the nodes have it though requests wait', async () => {
    await world.look(minute);
    world.startController();
    world.coverage = { nodes: 1, covered: 0, missing: ['x'] };
    await world.replaceCa(b, 20 * second);
    world.startController();
    world.coverage = { nodes: 1, covered: 1, missing: [] };
    await world.look(11 * second);
    assert.equal(world.state, 'B of B');
  });
});

describe('a clock that jumps ahead', () => {
  it('lets no CA sign that a node lacks', async () => {
    await world.look(minute);
    world.sign();
    world.coverage = { nodes: 2, covered: 1, missing: ['x'] };
    await world.replaceCa(b);
    world.clock.setWall(world.clock.now() + 50 * minute);
    await world.look(second);
    assert.equal(world.state, 'A of AB');
  });
});

describe('a CA that there is no room for', () => {
  /** Of 60 KiB. */
  const large = (index: number): Promise<TestCa> =>
    newCa({ subject: { commonName: `Large ${index}` }, altNames: { ...noAltNames, dnsNames: manyNames } });
  const manyNames = Array.from({ length: 720 }, (_, index) => `${'x'.repeat(50)}${index}.example`);

  it('is not published, and does not sign, however often it is forced', async () => {
    await world.look(minute);
    const annotations = { 'certmount.io/ca-rotation': 'force' };
    let largest = 0;
    let last = '';
    for (let index = 0; index < 6; index += 1) {
      world.annotate(annotations);
      await world.replaceCa(await large(index), minute);
      const choice = world.rotations.choose(key, world.present ?? assert.fail());
      assert.ok(choice.choice === 'sign');
      choice.onSign(world.clock.now() + 60 * minute);
      last = choice.pair.certificate.pem;
      await world.look();
      largest = Math.max(largest, JSON.stringify(world.stored).length);
    }
    assert.ok(largest > 100_000 && largest < 140_000, `${largest} characters`);
    assert.match(
      world.condition,
      /^NoRoom: what the Secret says is not followed: its AnchorSet would have \d+ characters, and 131072 are allowed/,
    );
    assert.ok(world.stored?.spec.anchors.includes(last.trim()), 'what signs is trusted');
    assert.equal(world.previous?.pair.certificate.pem, last, 'another leader can sign with it too');
    assert.equal(world.events.filter((event) => event === 'Warning CARotationNoRoom').length, 1);
    world.startController();
    await world.look(minute);
    assert.match(world.condition, /^NoRoom/);
    const choice = world.rotations.choose(key, world.present ?? assert.fail());
    assert.ok(choice.choice === 'sign');
    assert.equal(choice.pair.certificate.pem, last);
    world.annotate({ 'certmount.io/ca-rotation': 'drop' });
    await world.look();
    await world.look();
    assert.match(world.condition, /^Steady/);
    assert.ok(world.stored?.spec.anchors.includes(world.present?.pair.certificate.pem.trim() ?? '?'));
  });

  it('comes later, when what was signed before has expired', async () => {
    await world.look(minute);
    world.sign();
    world.room = (world.stored?.spec.anchors.length ?? 0) + 1_200;
    await world.replaceCa(b, minute);
    assert.equal(world.state, 'A of A');
    assert.match(world.condition, /^NoRoom/);
    world.room = 128 * 1024;
    await world.look(minute);
    assert.equal(world.state, 'B of AB');
  });

  it('gets no AnchorSet, and is followed without one, when its namespace is full', async () => {
    world.room = 0;
    await world.look(minute);
    assert.equal(world.state, 'A of ');
    world.sign();
    await world.replaceCa(b, minute);
    assert.equal(world.state, 'B of ');
    assert.match(world.condition, /^Draining: .*; there is no room for its AnchorSet/);
    world.room = 128 * 1024;
    await world.look();
    assert.equal(world.state, 'B of AB');
  });
});

describe('a gate', () => {
  it('that holds, holds another intermediate and everything else', async () => {
    await world.look(minute);
    world.annotate({ 'certmount.io/ca-rotation': 'hold' });
    await world.replaceCa(b, 10 * minute);
    assert.equal(world.state, 'A of AB');
    assert.match(world.condition, /^Held: new CA is trusted on 1 of 1 node/);
    world.annotate({});
    await world.look();
    assert.equal(world.state, 'B of B');
  });
});
