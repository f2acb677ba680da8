import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { anchorsHash, anchorSetName, anchorSets } from '../../../src/api/anchor-set.ts';
import { nodeTrusts } from '../../../src/api/node-trust.ts';
import { Authority } from '../../unit/driver/support/authority.ts';
import type { FaultNode } from './fault-node.ts';
import { handIssued } from './hand-issuer.ts';
import type { Scenario, Subject } from './scenarios.ts';
import { soon } from './soon.ts';
import { assertTidy, wholeSet } from './volume-set.ts';

const other = (await Authority.create(Date.now(), 'other ca')).certificate.pem;

export const trustScenarios: readonly Scenario[] = [
  {
    name: 'a change of trust anchors',
    prepare: (node) => trusting(node),
    act: async (node, subject) => {
      await setAnchors(node, own(subject) + other);
      await soon('the change', () => node.driver.hasEnded || hasBoth(subject) || undefined);
    },
    whileDead: keepsItsIdentity,
    afterwards: async (node, subject) => {
      const { volume } = subject;
      await soon('the change', () => hasBoth(subject) || undefined);
      keepsItsIdentity(node, subject);
      assertTidy(volume.targetPath);
      await node.takeDown(volume);
      assert.equal(node.cluster.everAsked(volume.volumeId).length, 1, 'no certificate was asked for');
    },
  },
  {
    name: 'a report of trust anchors',
    of: 'nodeTrusts',
    prepare: async (node) => {
      const subject = await trusting(node);
      await soon('the report', () => isReported(node, own(subject)));
      // The next one finds none, and the one after that finds one.
      await node.cluster.client.resource(nodeTrusts).delete({ name: reportOf(node) });
      return subject;
    },
    act: async (node, subject) => {
      const texts = [own(subject) + other, other + own(subject)];
      for (const text of texts) {
        if (node.driver.hasEnded) return;
        await setAnchors(node, text);
        await soon('the report', async () => node.driver.hasEnded || (await isReported(node, text)));
      }
    },
    whileDead: keepsItsIdentity,
    afterwards: async (node, { volume, serial }) => {
      const anchors = own({ volume, serial, more: [] }) + other;
      await setAnchors(node, anchors);
      await soon('the report', () => isReported(node, anchors));
      await node.takeDown(volume);
    },
  },
];

/** A volume that trusts what its issuer has, by a Bundle of this node alone. */
async function trusting(node: FaultNode): Promise<Subject> {
  const made = node.newVolume(handIssued);
  await node.csi.publish(made);
  const anchors = readFileSync(join(made.targetPath, 'ca.crt'), 'utf8');
  await node.takeDown(made);
  await setAnchors(node, anchors);
  const volume = node.newVolume({ ...handIssued, 'trust-bundle': bundleOf(node).name });
  await node.csi.publish(volume);
  await soon(
    'its anchors',
    () => readFileSync(join(volume.targetPath, 'ca.crt'), 'utf8') === anchors || undefined,
  );
  return { volume, serial: wholeSet(volume.targetPath).serialNumber, more: [] };
}

/** The first certificate of the file is the issuer's own in all of this. */
function own({ volume }: Subject): string {
  const certificates = readFileSync(join(volume.targetPath, 'ca.crt'), 'utf8').split(/(?=-----BEGIN)/);
  return certificates.find((pem) => pem !== other) ?? '';
}

function hasBoth(subject: Subject): boolean {
  return readFileSync(join(subject.volume.targetPath, 'ca.crt'), 'utf8') === own(subject) + other;
}

function keepsItsIdentity(_node: FaultNode, { serial, volume }: Subject): void {
  const folder = readFileSync(join(volume.targetPath, 'ca.crt'), 'utf8');
  if (!folder.startsWith(other)) assert.equal(wholeSet(volume.targetPath).serialNumber, serial);
}

function bundleOf(node: FaultNode): { readonly kind: 'Bundle'; readonly name: string } {
  return { kind: 'Bundle', name: node.name };
}

function reportOf(node: FaultNode): string {
  return `${node.name}.csi.certmount.io`;
}

async function setAnchors(node: FaultNode, anchors: string): Promise<void> {
  const resource = node.cluster.client.resource(anchorSets);
  const source = bundleOf(node);
  const name = anchorSetName(source);
  const before = await resource.get({ name }).catch(() => undefined);
  const spec = { source: `Bundle/${source.name}`, anchors, sequence: (before?.spec.sequence ?? 0) + 1 };
  if (before === undefined) await resource.create({ metadata: { name }, spec });
  else await resource.replace({ ...before, spec });
}

async function isReported(node: FaultNode, anchors: string): Promise<true | undefined> {
  const report = await node.cluster.client.resource(nodeTrusts).get({ name: reportOf(node) });
  return report.spec.sets.some(({ hash }) => hash === anchorsHash(anchors)) || undefined;
}
