import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { anchorsHash, anchorSetName, anchorSets } from '../../../src/api/anchor-set.ts';
import { getCondition } from '../../../src/api/condition.ts';
import { secrets } from '../../../src/api/core.ts';
import { clusterIssuers } from '../../../src/api/issuer.ts';
import { nodeTrusts } from '../../../src/api/node-trust.ts';
import type { VolumeOfPod } from '../../support/csi-client.ts';
import { eventually } from '../../support/eventually.ts';
import { type CaPair, createCaPair } from '../../support/certificate-authority.ts';
import type { Bench, BenchContext } from '../bench-context.ts';
import { distributionOf, medianOf } from '../report/distribution.ts';
import type { Report } from '../report/report.ts';
import { type ApiWrites, readApiWrites, writesBetween } from '../stand/api-writes.ts';
import type { Driver } from '../stand/driver.ts';
import { nodeName } from '../stand/install-cluster.ts';
import { TestStand } from '../stand/test-stand.ts';

const gate = 'certmount.io/ca-rotation';
/** An AnchorSet that no controller writes again: of a Bundle that there is not. */
const loose = { kind: 'Bundle', name: 'bench' } as const;
const pollMs = 5;

export const trustBench: Bench = {
  name: 'trust',
  summary:
    'Trust anchors change: from the write to the API until the last volume of a node has them, and what a rotation writes.',
  options: { runs: 'changes of each kind, 10 by default', atOnce: 'volumes, 110 by default' },
  run,
};

async function run(context: BenchContext): Promise<Report> {
  const { log, options } = context;
  const { atOnce = 110, runs = 10 } = options;
  await using stand = await TestStand.start(context);
  await stand.startController();
  const driver = await stand.startDriver();
  const ofIssuer = driver.volumes(atOnce);
  await Promise.all(ofIssuer.map((volume) => driver.publish(volume)));
  await reported(stand, anchorSetName({ kind: 'ClusterIssuer', name: stand.installed.issuer }));
  const bySecret = await changes(driver, ofIssuer, runs, log, 'the CA in the Secret', async () => {
    const ca = await createCaPair(`bench-${performance.now()}`);
    return { pem: ca.certificate, write: () => putCa(stand, ca) };
  });
  const rotation = await wholeRotation(stand, driver, ofIssuer);
  log(`a rotation: ${JSON.stringify(Object.fromEntries(rotation.writes))}`);
  await driver.unpublish(ofIssuer);
  await driver.settled();

  const direct = await writtenDirectly(stand, driver, atOnce, runs, log);
  return report({ bySecret, direct, rotation, atOnce });
}

/** Of each change the milliseconds until each volume had it. */
type Rounds = readonly (readonly number[])[];

interface Change {
  /** What the volumes have when they have it. */
  readonly pem: string;
  readonly write: () => Promise<unknown>;
}

async function changes(
  driver: Driver,
  volumes: readonly VolumeOfPod[],
  runs: number,
  log: BenchContext['log'],
  what: string,
  next: () => Promise<Change>,
): Promise<Rounds> {
  const rounds: number[][] = [];
  // The first one warms up.
  for (let round = 0; round <= runs; round++) {
    const times = await swapped(driver, volumes, await next());
    log(`${what}, round ${round}: the last volume after ${Math.max(...times).toFixed(0)} ms`);
    if (round > 0) rounds.push(times);
    // What the driver and the controller tell of it is over.
    await pause(1_500);
  }
  return rounds;
}

/** Seen by the link's change time, which is that of its rename: no watcher takes time from those who work. */
async function swapped(driver: Driver, volumes: readonly VolumeOfPod[], change: Change): Promise<number[]> {
  const links = volumes.map(({ targetPath }) => driver.program.path(join(targetPath, '..data')));
  const before = links.map((link) => readlinkSync(link));
  const started = Date.now();
  await change.write();
  await eventually(
    'every volume to have the anchors',
    () => links.every((link, index) => readlinkSync(link) !== before[index]) || undefined,
    60_000,
    pollMs,
  );
  const times = links.map((link) => lstatSync(link).ctimeMs - started);
  for (const link of links) {
    const anchors = readFileSync(join(link, 'ca.crt'), 'utf8');
    if (!anchors.includes(change.pem.trim())) throw new Error(`${link} was swapped for something else`);
  }
  return times;
}

interface Rotation {
  readonly writes: ApiWrites;
  /** Until the new CA signed. */
  readonly signsMs: number;
}

/** From the Secret to the end of trust in the old CA, which is asked for: waiting for the last certificate writes nothing. */
async function wholeRotation(
  stand: TestStand,
  driver: Driver,
  volumes: readonly VolumeOfPod[],
): Promise<Rotation> {
  // What the changes before have begun comes to its end.
  await annotateIssuer(stand, 'drop');
  await eventually('a steady issuer', async () => ((await phaseOf(stand)) === 'Steady' ? true : undefined));
  await annotateIssuer(stand, null);
  // A CA that never signed would be dropped as soon as the next one signs.
  await driver.unpublish(volumes);
  await driver.settled();
  await Promise.all(volumes.map((volume) => driver.publish(volume)));
  await pause(5_000);

  const before = await readApiWrites(stand.admin);
  const ca = await createCaPair('bench-rotation');
  const started = performance.now();
  await swapped(driver, volumes, { pem: ca.certificate, write: () => putCa(stand, ca) });
  await eventually('the new CA to sign', async () =>
    (await phaseOf(stand)) === 'Draining' ? true : undefined,
  );
  const signsMs = performance.now() - started;
  await swapped(driver, volumes, { pem: ca.certificate, write: () => annotateIssuer(stand, 'drop') });
  await eventually('a steady issuer', async () => ((await phaseOf(stand)) === 'Steady' ? true : undefined));
  await reported(stand, anchorSetName({ kind: 'ClusterIssuer', name: stand.installed.issuer }));
  await pause(5_000);
  const writes = writesBetween(before, await readApiWrites(stand.admin));
  return { writes, signsMs };
}

/** An AnchorSet that the bench itself writes: the driver's part alone. */
async function writtenDirectly(
  stand: TestStand,
  driver: Driver,
  atOnce: number,
  runs: number,
  log: BenchContext['log'],
): Promise<Rounds> {
  const sets = stand.admin.resource(anchorSets);
  const name = anchorSetName(loose);
  const spec = (anchors: string, sequence: number): object => ({
    spec: { source: `${loose.kind}/${loose.name}`, anchors, sequence },
  });
  const first = await createCaPair('bench-0');
  await stand.controlPlane.apply({
    apiVersion: 'certmount.io/v1alpha1',
    kind: 'AnchorSet',
    metadata: { name },
    ...spec(first.certificate, 1),
  });
  const volumes = driver.volumes(atOnce, { 'trust-bundle': loose.name });
  await Promise.all(volumes.map((volume) => driver.publish(volume)));
  await reported(stand, name);
  let sequence = 1;
  return changes(driver, volumes, runs, log, 'the AnchorSet itself', async () => {
    sequence += 1;
    const { certificate } = await createCaPair(`bench-${sequence}`);
    const body = spec(certificate, sequence);
    return { pem: certificate, write: () => sets.patch({ name }, body) };
  });
}

async function putCa(stand: TestStand, { certificate, key }: CaPair): Promise<void> {
  const [tlsCrt, tlsKey] = [certificate, key].map((pem) => Buffer.from(pem).toString('base64'));
  const name = { namespace: 'certmount', name: stand.installed.issuer };
  await stand.admin.resource(secrets).patch(name, { data: { 'tls.crt': tlsCrt, 'tls.key': tlsKey } });
}

async function annotateIssuer(stand: TestStand, value: string | null): Promise<void> {
  const key = { name: stand.installed.issuer };
  await stand.admin.resource(clusterIssuers).patch(key, { metadata: { annotations: { [gate]: value } } });
}

async function phaseOf(stand: TestStand): Promise<string | undefined> {
  const { status } = await stand.admin.resource(clusterIssuers).get({ name: stand.installed.issuer });
  return getCondition(status?.conditions, 'CARotation')?.reason;
}

/** Resolves when the node says that its volumes have what the set says. */
async function reported(stand: TestStand, set: string): Promise<void> {
  await eventually('the report of the node', async () => {
    const { spec } = await stand.admin.resource(anchorSets).get({ name: set });
    const { items } = await stand.admin.resource(nodeTrusts).list({});
    const sets = items.find((one) => one.spec.nodeName === nodeName)?.spec.sets ?? [];
    return sets.some(({ hash, name }) => name === set && hash === anchorsHash(spec.anchors)) || undefined;
  });
}

function report(found: {
  readonly bySecret: Rounds;
  readonly direct: Rounds;
  readonly rotation: Rotation;
  readonly atOnce: number;
}): Report {
  const { bySecret, direct, rotation, atOnce } = found;
  const last = (rounds: Rounds): number[] => rounds.map((times) => Math.max(...times));
  const writesOf = (resource: string): number => rotation.writes.get(resource) ?? 0;
  return {
    bench: 'trust',
    title: `anchors of ${atOnce} volumes change: from the write to the API to the rename in each volume`,
    rows: [
      {
        what: 'each volume, CA in the Secret',
        unit: 'ms',
        distribution: distributionOf(bySecret.flat()),
      },
      {
        what: 'last volume of a change, CA in the Secret',
        unit: 'ms',
        distribution: distributionOf(last(bySecret)),
      },
      { what: 'each volume, AnchorSet', unit: 'ms', distribution: distributionOf(direct.flat()) },
      {
        what: 'last volume of a change, AnchorSet',
        unit: 'ms',
        distribution: distributionOf(last(direct)),
      },
    ],
    figures: {
      last_p50_ms: medianOf(last(bySecret)),
      anchor_set_p50_ms: medianOf(direct.flat()),
      anchor_set_last_p50_ms: medianOf(last(direct)),
      anchor_set_last_max_ms: Math.max(...last(direct)),
      new_ca_signs_ms: rotation.signsMs,
      writes_per_node: writesOf('nodetrusts'),
      anchor_set_writes: writesOf('anchorsets') + writesOf('anchorsets/status'),
      issuer_writes: writesOf('clusterissuers/status'),
      secret_writes: writesOf('secrets') - 1,
      event_writes: writesOf('events'),
      certificate_writes: writesOf('certificaterequests'),
    },
    notes: [
      'CA in the Secret: what the controller reads and publishes, and the swap; AnchorSet: written by the bench, so the part of the driver alone',
      'objects made and changed by one rotation, until the old CA is trusted no more: by each node, and by the controller, once however many nodes',
      'each write of an AnchorSet is told to every node',
    ],
  };
}
