import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VolumeOfPod } from '../../support/csi-client.ts';
import type { FaultNode } from './fault-node.ts';
import { handIssued } from './hand-issuer.ts';
import { soon } from './soon.ts';
import { trustScenarios } from './trust-scenarios.ts';
import { assertTidy, setIfAny, wholeSet } from './volume-set.ts';

/** An operation of the driver, from a node on which a driver runs and no volume is, and back to that. */
export interface Scenario {
  readonly name: string;
  /** Killed each time that a point is reached, not only the first and the last. */
  readonly everyTime?: true;
  /** It is of these alone, which come some time after their cause and so are left out of all others. */
  readonly of?: 'nodeTrusts';
  /** What the operation starts from. For one that runs as the driver starts it ends the driver. */
  readonly prepare: (node: FaultNode) => Promise<Subject>;
  /** Until all that it does is done; also returns when the driver dies. Undefined: the start of the driver is the operation. */
  readonly act?: (node: FaultNode, subject: Subject) => Promise<void>;
  /** What a pod sees while no driver runs. */
  readonly whileDead: (node: FaultNode, subject: Subject) => void;
  /** Another driver runs, and the kubelet calls again as it does. */
  readonly afterwards: (node: FaultNode, subject: Subject) => Promise<void>;
}

export interface Subject {
  readonly volume: VolumeOfPod;
  /** Serial number of the certificate before. */
  readonly serial: string;
  readonly more: readonly VolumeOfPod[];
}

const hour = 3_600_000;
/** Of a day's certificate two thirds have passed, and the pod could still use it. */
export const untilRenewal = 17 * hour;

export const scenarios: readonly Scenario[] = [
  {
    name: 'a publish, which the kubelet repeats',
    everyTime: true,
    prepare: async (node) => toPublish(node.newVolume({}, { mountGroup: '4711' })),
    act: (node, { volume }) => node.csi.publish(volume),
    whileDead: (_node, { volume }) => void setIfAny(volume.targetPath),
    afterwards: async (node, { volume }) => {
      await node.csi.publish(volume);
      wholeSet(volume.targetPath);
      assertTidy(volume.targetPath);
      await renewsOn(node, volume);
      await takeDown(node, volume, 2);
    },
  },
  {
    name: 'a publish, upon which the kubelet gives up on the pod',
    prepare: async (node) => toPublish(node.newVolume()),
    act: (node, { volume }) => node.csi.publish(volume),
    whileDead: (_node, { volume }) => void setIfAny(volume.targetPath),
    afterwards: async (node, { volume }) => {
      await node.takeDown(volume);
      assert.ok(node.cluster.everAsked(volume.volumeId).length <= 1, 'one request at most');
    },
  },
  {
    name: 'a publish that is refused',
    prepare: async (node) => {
      const volume = node.newVolume(handIssued);
      await node.cluster.hand.set(volume.volumeId, 'deny');
      return toPublish(volume);
    },
    act: (node, { volume }) => assert.rejects(node.csi.publish(volume), /not today/),
    whileDead: (_node, { volume }) => assert.equal(setIfAny(volume.targetPath), undefined),
    afterwards: async (node, { volume }) => {
      await node.cluster.hand.set(volume.volumeId, 'sign');
      await soon('the kubelet to succeed', async () => {
        // A denial stands for a minute.
        await node.elapse(61_000);
        await node.csi.publish(volume);
        return true;
      });
      wholeSet(volume.targetPath);
      await node.takeDown(volume);
    },
  },
  {
    name: 'a publish that goes on with what waits',
    prepare: async (node) => {
      const volume = node.newVolume(handIssued);
      const { hand } = node.cluster;
      await hand.set(volume.volumeId, 'wait');
      await assert.rejects(node.csi.publish(volume, 400), /has not been approved yet|deadline/i);
      return toPublish(volume);
    },
    act: async (node, { volume }) => {
      await node.cluster.hand.set(volume.volumeId, 'sign');
      // The driver may not have heard yet that the kubelet has given up, and answers that it is busy.
      await untilDeadOr(node, 'the kubelet to succeed', () => node.csi.publish(volume).then(() => true));
    },
    whileDead: (_node, { volume }) => void setIfAny(volume.targetPath),
    afterwards: async (node, { volume }) => {
      await node.csi.publish(volume);
      wholeSet(volume.targetPath);
      assertTidy(volume.targetPath);
      await takeDown(node, volume, 1);
    },
  },
  {
    name: 'a republish of a volume whose record was lost',
    prepare: async (node) => {
      const subject = await published(node);
      await node.end('SIGKILL');
      rmSync(recordOf(node, subject.volume));
      await node.start();
      // Nobody knows of the volume, so that its request goes: when that is depends on the watch, not on the republish.
      const { volumeId } = subject.volume;
      await soon('its request to go', () => node.cluster.present(volumeId).length === 0 || undefined);
      return subject;
    },
    act: (node, { volume }) => node.csi.publish(volume),
    whileDead: keepsItsCertificate,
    afterwards: async (node, subject) => {
      const { volume } = subject;
      await node.csi.publish(volume);
      keepsItsCertificate(node, subject);
      assertTidy(volume.targetPath);
      await renewsOn(node, volume);
      await takeDown(node, volume, 2);
    },
  },
  {
    name: 'a renewal',
    everyTime: true,
    prepare: (node) => published(node, {}, { mountGroup: '4711' }),
    act: async (node, { serial, volume }) => {
      await node.elapse(untilRenewal);
      await untilDeadOr(node, 'the renewal', () => isRenewed(node, volume, serial));
    },
    whileDead: (_node, { volume }) => void wholeSet(volume.targetPath),
    afterwards: async (node, { serial, volume }) => {
      await node.csi.publish(volume);
      await soon('the renewal to end', () => isRenewed(node, volume, serial) || undefined);
      await renewsOn(node, volume, 5 * hour);
      await takeDown(node, volume, 3);
    },
  },
  {
    name: 'a renewal that is refused',
    prepare: async (node) => {
      // A driver tells of the same pod's trouble only every few minutes; a new one has told nothing yet.
      await node.end('SIGKILL');
      await node.start();
      const subject = await published(node, handIssued);
      await node.cluster.hand.set(subject.volume.volumeId, 'deny');
      return subject;
    },
    act: async (node, { volume }) => {
      await node.elapse(untilRenewal);
      await untilDeadOr(node, 'the refusal', async () => {
        const told = (await node.driver.reached()).some(({ point }) => point === 'events.create.after');
        return told && node.cluster.present(volume.volumeId).length === 1;
      });
    },
    whileDead: keepsItsCertificate,
    afterwards: async (node, subject) => {
      const { volume } = subject;
      await node.csi.publish(volume);
      keepsItsCertificate(node, subject);
      await node.cluster.hand.set(volume.volumeId, 'sign');
      await renewsOn(node, volume, 0);
      await node.takeDown(volume);
    },
  },
  {
    name: "a republish of a volume that cert-manager's driver has mounted",
    prepare: async (node) => {
      await node.restartWith('--compatibility', 'cert-manager');
      const made = await published(node, { duration: '24h', 'dns-names': 'app.web.svc.cluster.local' });
      const volume = { ...node.newVolume(), attributes: made.volume.attributes };
      mountAsCsiLib(node, volume, made.volume);
      await node.takeDown(made.volume);
      return { ...made, volume };
    },
    act: (node, { volume }) => node.csi.publish(volume),
    whileDead: keepsItsCertificate,
    afterwards: async (node, subject) => {
      const { volume } = subject;
      await node.csi.publish(volume);
      keepsItsCertificate(node, subject);
      await renewsOn(node, volume);
      await takeDown(node, volume, 1);
      execFileSync('umount', ['-l', join(node.directory, 'inmemfs')]);
      await node.restartWith();
    },
  },
  {
    name: 'an unpublish',
    prepare: (node) => published(node),
    act: async (node, { volume }) => {
      await node.csi.unpublish(volume);
      await untilDeadOr(node, 'its request to go', () => node.cluster.present(volume.volumeId).length === 0);
    },
    whileDead: (_node, { volume }) => void setIfAny(volume.targetPath),
    afterwards: async (node, { volume }) => {
      await takeDown(node, volume, 1);
      await node.elapse(untilRenewal);
    },
  },
  {
    name: 'a start after a reboot, with a corrupt record and half-done work',
    prepare: async (node) => {
      const subject = await published(node);
      const more = [node.newVolume(), node.newVolume()] as const;
      for (const volume of more) await node.csi.publish(volume);
      await node.end('SIGKILL');
      const [rebooted, halfDone] = more;
      writeFileSync(recordOf(node, subject.volume), '{"version":1,');
      node.umount(rebooted);
      mkdirSync(join(halfDone.targetPath, '..2026_01_01_00_00_00.abc123'));
      writeFileSync(join(halfDone.targetPath, '..pending'), 'half');
      return { ...subject, more };
    },
    whileDead: (node, subject) => {
      keepsItsCertificate(node, subject);
      for (const volume of subject.more) if (node.isMounted(volume)) wholeSet(volume.targetPath);
    },
    afterwards: async (node, subject) => {
      const [, halfDone] = subject.more;
      const serial = wholeSet(halfDone?.targetPath ?? '').serialNumber;
      for (const volume of [subject.volume, ...subject.more]) {
        await node.csi.publish(volume);
        wholeSet(volume.targetPath);
        assertTidy(volume.targetPath);
      }
      keepsItsCertificate(node, subject);
      assert.equal(wholeSet(halfDone?.targetPath ?? '').serialNumber, serial);
      for (const volume of [subject.volume, ...subject.more]) await node.takeDown(volume);
    },
  },
  ...trustScenarios,
];

/** csi-lib's mount: a folder of a tmpfs that is the driver's, bound to the target path, read-only. */
function mountAsCsiLib(node: FaultNode, volume: VolumeOfPod, like: VolumeOfPod): void {
  const data = join(node.directory, 'inmemfs', volume.volumeId, 'data');
  const generation = '..2026_01_01_00_00_00.1234567890';
  mkdirSync(join(node.directory, 'inmemfs'), { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(node.directory, 'inmemfs')]);
  mkdirSync(join(data, generation), { recursive: true });
  for (const name of ['tls.crt', 'tls.key', 'ca.crt']) {
    writeFileSync(join(data, generation, name), readFileSync(join(like.targetPath, name)), { mode: 0o440 });
    symlinkSync(join('..data', name), join(data, name));
  }
  symlinkSync(generation, join(data, '..data'));
  mkdirSync(volume.targetPath, { mode: 0o440 });
  execFileSync('mount', ['--bind', data, volume.targetPath]);
  execFileSync('mount', ['-o', 'remount,bind,ro', volume.targetPath]);
}

function toPublish(volume: VolumeOfPod): Subject {
  return { volume, serial: '', more: [] };
}

async function published(
  node: FaultNode,
  attributes: Readonly<Record<string, string>> = {},
  changes: Partial<VolumeOfPod> = {},
): Promise<Subject> {
  const volume = node.newVolume(attributes, changes);
  await node.csi.publish(volume);
  return { volume, serial: wholeSet(volume.targetPath).serialNumber, more: [] };
}

function keepsItsCertificate(_node: FaultNode, { serial, volume }: Subject): void {
  assert.equal(wholeSet(volume.targetPath).serialNumber, serial, 'the pod keeps what it has');
}

function isRenewed(node: FaultNode, volume: VolumeOfPod, serial: string): boolean {
  if (wholeSet(volume.targetPath).serialNumber === serial) return false;
  assertTidy(volume.targetPath);
  return node.cluster.present(volume.volumeId).length === 1;
}

/** The next renewal comes at its time, whatever was before. */
export async function renewsOn(node: FaultNode, volume: VolumeOfPod, ms = untilRenewal): Promise<void> {
  const { serialNumber } = wholeSet(volume.targetPath);
  await node.elapse(ms);
  await soon('the next renewal', async () => {
    const renewed = await soon(
      'it, or a wait between two attempts',
      () => isRenewed(node, volume, serialNumber) || undefined,
      400,
    ).catch(() => false);
    if (!renewed) await node.elapse(5 * 60_000);
    return renewed || undefined;
  });
}

/** @param certificates how many were ever asked for: a request each, none left over and none made twice */
async function takeDown(node: FaultNode, volume: VolumeOfPod, certificates: number): Promise<void> {
  await node.takeDown(volume);
  assert.equal(node.cluster.everAsked(volume.volumeId).length, certificates, 'one request a certificate');
}

function recordOf(node: FaultNode, { volumeId }: VolumeOfPod): string {
  return join(node.stateDir, `${volumeId}.json`);
}

async function untilDeadOr(
  node: FaultNode,
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const { driver } = node;
  await soon(what, async () => driver.hasEnded || (await holds()) || undefined);
}
