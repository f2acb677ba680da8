import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnchorSet } from '../../../../../src/api/anchor-set.ts';
import { readCaKeyPair } from '../../../../../src/controller/issuers/ca/ca-key-pair.ts';
import type { IssuerKey } from '../../../../../src/controller/issuers/issuer-key.ts';
import { IssuerRotations } from '../../../../../src/controller/trust/rotation/issuer-rotations.ts';
import { idOf } from '../../../../../src/controller/trust/rotation/issuer-rotation.ts';
import type { IssuerRotation } from '../../../../../src/controller/trust/rotation/issuer-rotation.ts';
import type { KeptPair } from '../../../../../src/controller/trust/rotation/previous-pairs.ts';
import {
  rotationRecord,
  rotationRecordAnnotation,
} from '../../../../../src/controller/trust/rotation/rotation-record.ts';
import { advance, published } from '../../../../../src/controller/trust/rotation/rotation.ts';
import type { Observation } from '../../../../../src/controller/trust/rotation/rotation.ts';
import {
  noAltNames,
  parseCertificate,
  publicKeyOf,
  selfSignCertificate,
} from '../../../../../src/pki/index.ts';
import { caSecret, newCa, now } from '../../builders.ts';
import type { TestCa } from '../../builders.ts';

const hour = 3_600_000;
const key: IssuerKey = { kind: 'Issuer', namespace: 'web', name: 'ca' };
const [first, second] = [await newCa(), await newCa({ subject: { commonName: 'Second' } })];

function kept(ca: TestCa, options?: Parameters<typeof caSecret>[1]): KeptPair {
  const secret = caSecret(ca, options);
  const read = readCaKeyPair(secret);
  assert.ok(read.usable);
  return { pair: read.keyPair, secret };
}

class Fixture {
  state: 'loading' | 'absent' | 'refused' | 'present' = 'present';
  stored: AnchorSet | undefined;
  previous: KeptPair | undefined;
  isNew = true;
  outgrown = 0;
  readonly rotations = new IssuerRotations({
    now: () => now,
    sets: () => this.state,
    isNew: () => this.isNew,
    stored: () => this.stored,
    previous: () => this.previous,
    onOutgrown: () => void (this.outgrown += 1),
  });

  get known(): IssuerRotation {
    const known = this.rotations.get(key);
    assert.ok(known);
    return known;
  }

  /** As the controller does, but that nothing can fail. */
  advance(present: KeptPair, options: Partial<Observation> = {}): void {
    const from = this.known.begin();
    const next = advance(from, {
      now,
      present: this.known.authorityOf(present.pair),
      oldKeyKnown: this.known.signing !== undefined,
      gate: undefined,
      spread: false,
      ...options,
    });
    this.store(next);
    this.known.commit(next, rotationRecord(next));
  }

  store(next: Parameters<typeof rotationRecord>[0]): void {
    this.stored = {
      metadata: { name: 'issuer.web.ca', annotations: { [rotationRecordAnnotation]: rotationRecord(next) } },
      spec: { source: 'Issuer/web/ca', anchors: this.known.anchorsOf(next).pem, sequence: 1 },
    };
  }

  /** Has a certificate signed that is valid until then. */
  sign(present: KeptPair, until: number): void {
    const choice = this.rotations.choose(key, present);
    assert.ok(choice.choice === 'sign');
    choice.onSign(until);
  }

  /** Who signs, and how many anchors are handed out with it. */
  signs(present: KeptPair): string {
    const choice = this.rotations.choose(key, present);
    if (choice.choice !== 'sign') return choice.choice;
    const name = choice.pair.id === kept(first).pair.id ? 'first' : 'second';
    return `${name} of ${choice.ca.split('BEGIN').length - 1}`;
  }
}

function steadyWith(present: KeptPair): Fixture {
  const fixture = new Fixture();
  fixture.signs(present);
  fixture.advance(present);
  return fixture;
}

describe('which CA signs', () => {
  it('is that of the Secret at first', () => {
    const fixture = new Fixture();
    assert.equal(fixture.signs(kept(first)), 'first of 1');
  });

  it('is not known before the AnchorSets are, and that of the Secret where there are none', () => {
    const fixture = new Fixture();
    fixture.state = 'loading';
    assert.equal(fixture.signs(kept(first)), 'loading');
    fixture.state = 'absent';
    assert.equal(fixture.signs(kept(second)), 'second of 1');
    assert.equal(fixture.rotations.get(key), undefined);
  });

  it('is none while AnchorSets are refused and an old pair is kept: somebody may hold the new one', () => {
    const fixture = new Fixture();
    fixture.state = 'refused';
    assert.equal(fixture.signs(kept(second)), 'second of 1');
    fixture.previous = kept(first);
    assert.equal(fixture.signs(kept(second)), 'wait');
    assert.equal(fixture.rotations.get(key), undefined);
  });

  it('stays the old one when the Secret changes, at once and until the new one is trusted', () => {
    const fixture = new Fixture();
    fixture.signs(kept(first));
    const next = kept(second);
    assert.equal(fixture.signs(next), 'first of 1', 'before the change was looked at');
    fixture.advance(next);
    assert.equal(fixture.signs(next), 'first of 2');
    fixture.advance(next, { spread: true });
    assert.equal(fixture.signs(next), 'second of 1', 'the first has signed nothing');
  });

  it('is none when the old key is not at hand, but for the one that was kept', () => {
    const before = new Fixture();
    before.signs(kept(first));
    before.advance(kept(first));
    const after = new Fixture();
    after.stored = before.stored;
    assert.equal(after.signs(kept(second)), 'wait');
    const other = new Fixture();
    other.stored = before.stored;
    other.previous = kept(first);
    assert.equal(other.signs(kept(second)), 'first of 1');
  });

  it('is none when the old CA has expired', async () => {
    const fixture = new Fixture();
    const expired = await newCa({ notAfter: new Date(now - 1) });
    fixture.signs(kept(expired));
    assert.equal(fixture.signs(kept(second)), 'wait');
  });

  it('is the renewed one when a root is renewed with its key', async () => {
    const fixture = new Fixture();
    fixture.signs(kept(first));
    const keyPair = await renewed(first);
    fixture.rotations.choose(key, keyPair);
    fixture.advance(keyPair);
    const choice = fixture.rotations.choose(key, keyPair);
    assert.ok(choice.choice === 'sign');
    assert.equal(choice.pair.id, keyPair.pair.id);
  });
});

describe('the CA of an issuer that this controller never saw before', () => {
  const day = 24 * hour;

  it('may have signed for as long as certificates usually live', () => {
    const fixture = new Fixture();
    fixture.isNew = false;
    fixture.signs(kept(first));
    fixture.advance(kept(first));
    const next = kept(second);
    fixture.advance(next);
    fixture.advance(next, { spread: true });
    assert.equal(fixture.signs(next), 'second of 2', 'the first is trusted still');
    fixture.advance(next, { now: now + 90 * day - 1 });
    assert.equal(fixture.known.published.certificates.length, 2);
    fixture.advance(next, { now: now + 90 * day });
    assert.equal(fixture.known.published.certificates.length, 1);
  });

  it('has signed nothing that lives longer than itself', async () => {
    const fixture = new Fixture();
    fixture.isNew = false;
    const old = kept(await newCa({ notAfter: new Date(now + day) }));
    fixture.signs(old);
    assert.ok(fixture.known.rotation.phase === 'steady');
    assert.equal(fixture.known.rotation.signing.signedUntil, now + day);
  });

  it('has signed nothing when the issuer is new', () => {
    const fixture = new Fixture();
    fixture.signs(kept(first));
    fixture.advance(kept(second), { spread: true });
    fixture.advance(kept(second), { spread: true });
    assert.equal(fixture.signs(kept(second)), 'second of 1');
  });

  it('is never one that lies beside its Secret and that no set names: anybody may have put it there', () => {
    const fixture = new Fixture();
    fixture.isNew = false;
    fixture.previous = kept(second);
    assert.equal(fixture.signs(kept(first)), 'first of 1');
    fixture.advance(kept(first));
    assert.deepEqual(published(fixture.known.rotation), kept(first).pair.anchors.map(idOf));
  });

  it('makes no root of its ca.crt known that does not verify it', () => {
    const fixture = new Fixture();
    fixture.signs(kept(first, { caCrt: first.pem + second.pem }));
    assert.deepEqual(fixture.known.rotation.established, [kept(first).pair.id]);
  });
});

describe('what is signed while the state changes', () => {
  it('keeps its anchor trusted', () => {
    const [old, next] = [kept(first), kept(second)];
    const fixture = steadyWith(old);
    const choice = fixture.rotations.choose(key, old);
    assert.ok(choice.choice === 'sign');
    const from = fixture.known.begin();
    const forced = advance(from, {
      now,
      present: fixture.known.authorityOf(next.pair),
      oldKeyKnown: true,
      gate: 'force',
      spread: false,
    });
    assert.ok(forced.phase === 'steady');
    choice.onSign(now + hour); // while that state is being written
    fixture.known.commit(forced, rotationRecord(forced));
    assert.equal(published(fixture.known.rotation).length, 2);
    assert.ok(fixture.outgrown > 0, 'it is to be written anew');
  });

  it('is not trusted again when everything older is dropped', () => {
    const [old, next] = [kept(first), kept(second)];
    const fixture = steadyWith(old);
    fixture.sign(old, now + hour);
    fixture.advance(next, { gate: 'drop' });
    assert.equal(fixture.known.published.certificates.length, 1);
  });

  it('is written ahead of need', () => {
    const fixture = new Fixture();
    const old = kept(first);
    fixture.signs(old);
    for (let index = 0; index < 100; index += 1) {
      fixture.sign(old, now + hour + index);
    }
    assert.equal(fixture.outgrown, 1);
  });
});

describe('what another controller has left', () => {
  it('is taken up when it was written by that one', () => {
    const [old, next] = [kept(first), kept(second)];
    const [one, other] = [steadyWith(old), steadyWith(old)];
    one.signs(next);
    one.advance(next);
    other.stored = one.stored;
    other.rotations.takeUp(key);
    assert.equal(other.known.rotation.phase, 'spreading');
    assert.equal(other.signs(next), 'first of 2');
  });

  it('does not take away what was signed here and is written nowhere yet', () => {
    const [old, next] = [kept(first), kept(second)];
    const [one, other] = [steadyWith(old), steadyWith(old)];
    one.sign(old, now + hour);
    one.known.begin(); // and the write that follows fails
    one.sign(old, now + 3 * hour);
    other.advance(next);
    other.advance(next, { spread: true });
    one.stored = other.stored;
    one.rotations.takeUp(key);
    assert.equal(one.known.rotation.phase, 'draining');
    assert.equal(one.known.published.certificates.length, 2, 'the first is trusted still');
    one.advance(next);
    one.advance(next, { now: now + 3 * hour });
    assert.equal(one.known.published.certificates.length, 2, 'for as long as it signed for');
  });

  it('is not what this one is about to write', () => {
    const old = kept(first);
    const fixture = steadyWith(old);
    fixture.sign(old, now + hour);
    fixture.rotations.takeUp(key);
    assert.ok(fixture.known.rotation.phase === 'steady');
    assert.ok(fixture.known.rotation.signing.signedUntil >= now + hour);
  });

  it('is trusted for a while when the record is lost', () => {
    const before = new Fixture();
    before.signs(kept(first));
    before.advance(kept(first));
    const after = new Fixture();
    assert.ok(before.stored);
    after.stored = { ...before.stored, metadata: { name: 'issuer.web.ca' } };
    assert.equal(after.signs(kept(second)), 'wait');
    assert.equal(after.known.published.certificates.length, 2);
    const same = new Fixture();
    same.stored = after.stored;
    same.signs(kept(first));
    same.advance(kept(first));
    assert.equal(same.signs(kept(first)), 'first of 1', 'what was published already signs at once');
  });
});

/** The same key and name in another certificate. */
async function renewed(ca: TestCa): Promise<KeptPair> {
  const pem = await selfSignCertificate(
    {
      subject: { commonName: 'Root' },
      altNames: noAltNames,
      publicKey: publicKeyOf(ca.key),
      usages: { keyUsages: ['keyCertSign', 'cRLSign'], extendedKeyUsages: [] },
      isCA: true,
      notBefore: new Date(now - hour),
      notAfter: new Date(now + 5_000 * hour),
    },
    ca.key,
  );
  return kept({ certificate: parseCertificate(pem), key: ca.key, pem });
}
