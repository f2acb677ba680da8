import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import { FaultCluster } from '../faults/support/fault-cluster.ts';
import type { FaultNode } from '../faults/support/fault-node.ts';
import { untilRenewal } from '../faults/support/scenarios.ts';
import { soon } from '../faults/support/soon.ts';
import { notRoot } from '../integration/driver/support/driver-world.ts';
import type { VolumeOfPod } from '../support/csi-client.ts';
import { PeerController, set, type Stage, type Step, words } from './support/peer-controller.ts';

const { approved, denied, failed, invalid, issued, pending, readyDenied } = words;
const failureTime = '2026-01-01T00:00:00Z';

interface Row {
  readonly name: string;
  readonly group?: string;
  readonly script: readonly Step[];
  /** A set with or without anchors, or the code and the words of the refusal. */
  readonly podSees: 'a whole set' | 'a set without ca.crt' | { readonly code: status; readonly says: RegExp };
}

const approve = ({ status: present }: Stage) => set(present, approved);
const wait = ({ status: present }: Stage) => set(present, pending);
const give = ({ ca, certificate, status: present }: Stage) => ({ ...present, certificate, ca });
const giveWithoutCa = ({ certificate, status: present }: Stage) => ({ ...present, certificate });
const giveCa = ({ ca, status: present }: Stage) => ({ ...present, ca });
const finish = ({ status: present }: Stage) => set(present, issued);
const turn = ({ status: present }: Stage) => ({
  ...present,
  conditions: [...(present.conditions ?? [])].reverse(),
});

const rows: readonly Row[] = [
  {
    name: 'approves in one write and issues in another',
    script: [approve, (stage) => set(give(stage), issued)],
    podSees: 'a whole set',
  },
  {
    name: 'approves, says that it waits, and issues in a third write',
    script: [approve, wait, 200, (stage) => set(give(stage), issued)],
    podSees: 'a whole set',
  },
  {
    name: 'sets the certificate first and Ready in a fourth write',
    script: [approve, wait, give, 200, finish],
    podSees: 'a whole set',
  },
  {
    name: 'sets the certificate before any condition',
    script: [give, 100, approve, 100, finish],
    podSees: 'a whole set',
  },
  {
    name: 'says Ready before the certificate is there',
    script: [approve, finish, 200, give],
    podSees: 'a whole set',
  },
  {
    name: 're-orders the conditions with each write',
    script: [approve, wait, turn, give, turn, finish, turn],
    podSees: 'a whole set',
  },
  {
    name: 'issues what nobody has approved, as csi-lib takes it too',
    script: [(stage) => set(give(stage), issued)],
    podSees: 'a whole set',
  },
  {
    name: 'never sets ca, as an ACME issuer',
    script: [approve, (stage) => set(giveWithoutCa(stage), issued)],
    podSees: 'a set without ca.crt',
  },
  {
    name: 'sets ca before the certificate',
    script: [approve, giveCa, 100, giveWithoutCa, finish],
    podSees: 'a whole set',
  },
  {
    name: 'is of another group and signs what an approver has approved',
    group: 'issuers.example',
    script: [approve, 100, (stage) => set(give(stage), issued)],
    podSees: 'a whole set',
  },
  {
    name: 'of another group waits long for its backend, with other words at each write',
    group: 'issuers.example',
    script: [
      approve,
      ({ status: present }) => set(present, { ...pending, reason: 'Queued', message: '1 of 2' }),
      100,
      ({ status: present }) => set(present, { ...pending, reason: 'Signing', message: '2 of 2' }),
      100,
      (stage) => set(give(stage), issued),
    ],
    podSees: 'a whole set',
  },
  {
    name: 'denies after a while, the issuer in a write of its own',
    script: [
      300,
      ({ status: present }) => set(present, denied),
      ({ status: present }) => ({ ...set(present, readyDenied), failureTime }),
    ],
    podSees: { code: status.PERMISSION_DENIED, says: /was denied: names are not allowed/ },
  },
  {
    name: 'fails with a failureTime',
    script: [approve, wait, 100, ({ status: present }) => ({ ...set(present, failed), failureTime })],
    podSees: { code: status.FAILED_PRECONDITION, says: /failed: the order is invalid/ },
  },
  {
    name: 'finds the request invalid, then fails it',
    script: [
      approve,
      ({ status: present }) => set(present, invalid),
      ({ status: present }) => ({ ...set(present, failed), failureTime }),
    ],
    podSees: { code: status.FAILED_PRECONDITION, says: /is invalid: the request asks for too much/ },
  },
  {
    name: 'sets a certificate of another key',
    script: [approve, (stage) => set({ ...give(stage), certificate: foreign }, issued)],
    podSees: { code: status.INTERNAL, says: /is for another public key/ },
  },
  {
    name: 'sets something that is no certificate',
    script: [approve, (stage) => set({ ...give(stage), certificate: btoa('no PEM') }, issued)],
    podSees: { code: status.INTERNAL, says: /has no certificate in it|cannot be used/ },
  },
  {
    name: 'only ever approves',
    script: [approve],
    podSees: { code: status.DEADLINE_EXCEEDED, says: /is approved and waits for its issuer/ },
  },
  {
    name: 'does nothing at all',
    script: [],
    podSees: { code: status.DEADLINE_EXCEEDED, says: /has not been approved yet/ },
  },
];

let cluster: FaultCluster;
let node: FaultNode;
/** Of somebody else, base64 of PEM. */
let foreign: string;

describe('the driver with a controller that', { skip: notRoot, timeout: 120_000 }, () => {
  before(async () => {
    cluster = await FaultCluster.start({ withController: false });
    foreign = Buffer.from(cluster.controlPlane.ca.certificatePem).toString('base64');
    await PeerController.start(cluster, new Map(rows.map(({ script }, row) => [`row-${row}`, script])));
    node = await cluster.addNode();
    await node.start();
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  function volumeOf(row: Row, more: Readonly<Record<string, string>> = {}): VolumeOfPod {
    const group = row.group === undefined ? {} : { 'issuer-group': row.group };
    return node.newVolume({
      'issuer-name': `row-${rows.indexOf(row)}`,
      'issuer-kind': 'Issuer',
      ...group,
      ...more,
    });
  }

  for (const row of rows) {
    it(row.name, async () => {
      const { podSees } = row;
      const volume = volumeOf(row);
      if (typeof podSees === 'object') {
        await assert.rejects(node.csi.publish(volume, 2_000), ({ code, details }: ServiceError) => {
          assert.equal(status[code], status[podSees.code], details);
          assert.match(details, podSees.says);
          return true;
        });
        assert.ok(!existsSync(join(volume.targetPath, '..data')), 'nothing for a pod to see');
      } else {
        await node.csi.publish(volume);
        assertSet(volume, podSees === 'a whole set');
      }
      assert.equal(cluster.everAsked(volume.volumeId).length, 1, 'one request');
      await node.takeDown(volume);
    });
  }

  it('sets ca late: the set is without it until the next certificate, which brings it', async () => {
    const volume = node.newVolume({ 'issuer-name': 'late', 'issuer-kind': 'Issuer' });
    let isLate = true;
    const late: readonly Step[] = [
      approve,
      (stage) => set(isLate ? giveWithoutCa(stage) : give(stage), issued),
      200,
      giveCa,
    ];
    await PeerController.start(cluster, new Map([['late', late]]));
    await node.csi.publish(volume);
    assertSet(volume, false);
    await soon(
      'ca in the status',
      () => cluster.present(volume.volumeId)[0]?.status?.ca !== undefined || undefined,
    );
    await node.csi.publish(volume);
    assertSet(volume, false);
    isLate = false;
    await node.elapse(untilRenewal);
    await soon('the next certificate', () => existsSync(join(volume.targetPath, 'ca.crt')) || undefined);
    assertSet(volume, true);
    await node.takeDown(volume);
  });

  function assertSet({ targetPath }: VolumeOfPod, withCa: boolean): void {
    const read = (name: string): string => readFileSync(join(targetPath, name), 'utf8');
    const certificate = new X509Certificate(read('tls.crt'));
    assert.ok(read('credential-bundle.pem').endsWith(read('tls.crt')));
    assert.equal(existsSync(join(targetPath, 'ca.crt')), withCa);
    if (withCa) assert.ok(certificate.verify(new X509Certificate(read('ca.crt')).publicKey));
  }
});
