import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { certificateRequests } from '../../src/api/certificate-request.ts';
import { events } from '../../src/api/core.ts';
import { requestLabels } from '../../src/api/driver-requests.ts';
import { nodeName } from '../bench/stand/install-cluster.ts';
import type { Log } from '../cluster/log.ts';
import { eventually } from '../support/eventually.ts';
import { findSecrets, type SecretFound } from '../support/find-secrets.ts';
import { judge, type Trend, trendOf } from './support/judge.ts';
import { type Sample, takeSample } from './support/sample.ts';
import { seededRandom } from './support/seeded-random.ts';
import { SoakPods, type SoakPodsCounts } from './support/soak-pods.ts';
import { SoakStand } from './support/soak-stand.ts';
import { VolumeChecker } from './support/volume-checker.ts';

export interface SoakOptions {
  readonly minutes: number;
  readonly volumes: number;
  /** Of everything that is left to chance. */
  readonly seed: number;
}

export interface SoakReport extends SoakOptions {
  readonly counts: SoakPodsCounts & {
    /** Different ones that were seen in volumes. */
    readonly certificates: number;
    readonly driverRestarts: number;
    readonly apiRestarts: number;
    readonly samples: number;
  };
  readonly leastRemainingSeconds: number;
  readonly driverPeakMb: number;
  readonly trend: Trend | undefined;
  readonly secrets: readonly SecretFound[];
  /** Nothing, when all is well. */
  readonly problems: readonly string[];
}

const sampleMs = 2_000;
/** At each so manyeth sample. */
const countRequestsEvery = 5;
/** The driver is restarted until so much of the time is over, and then left alone, so that a leak would show. */
const restlessPart = 0.55;
const warmUpSeconds = 20;
const publishesAtOnce = 8;

/** Keeps volumes of a minute up, while pods come and go and driver and API server are restarted at random. */
export async function runSoak(
  options: SoakOptions,
  log: Log,
): Promise<{ readonly report: SoakReport; readonly samples: readonly Sample[] }> {
  await using stand = await SoakStand.start(log);
  const [pods, checker] = [new SoakPods(stand), new VolumeChecker((path) => stand.onNode(path))];
  const samples: Sample[] = [];
  const counts = { driverRestarts: 0, apiRestarts: 0 };
  const started = Date.now();
  const elapsed = (): number => Math.round((Date.now() - started) / 100) / 10;
  const total = options.minutes * 60;
  const end = new AbortController();
  // One for each of those that take turns by themselves, so that the same seed gives each the same.
  const [churning, driverEnds, apiEnds] = [0, 1, 2].map((each) => seededRandom(options.seed * 3 + each)) as [
    Random,
    Random,
    Random,
  ];

  const look = async (): Promise<void> => {
    const when = {
      at: elapsed(),
      driverLife: counts.driverRestarts,
      countRequests: samples.length % countRequestsEvery === 0,
    };
    samples.push(await takeSample(when, { stand, pods, checker }));
  };
  await fill(pods, options.volumes);
  log(`${options.volumes} volumes are published after ${elapsed()} s`);

  const churn = async (): Promise<void> => {
    await wait(between(churning, 200, 2_200), end.signal);
    const batch = churning() < 0.05 ? 10 : 1;
    const live = [...pods.live];
    const leaving = Array.from({ length: batch }, () =>
      live.splice(Math.floor(churning() * live.length), 1),
    ).flat();
    await Promise.all(leaving.flatMap((volume) => [pods.remove(volume), pods.add()]));
  };
  const restartDriver = async (): Promise<void> => {
    await wait(between(driverEnds, 20_000, Math.max(30_000, (total * 1_000) / 8)), end.signal);
    if (end.signal.aborted || elapsed() > total * restlessPart) return;
    const signal = driverEnds() < 0.5 ? 'SIGKILL' : 'SIGTERM';
    await stand.endDriver(signal);
    await pause(between(driverEnds, 0, 3_000));
    await stand.startDriver();
    counts.driverRestarts += 1;
    log(`driver ended by ${signal} and started again at ${elapsed()} s`);
  };
  const restartApiServer = async (): Promise<void> => {
    await wait(between(apiEnds, 25_000, Math.max(45_000, (total * 1_000) / 12)), end.signal);
    // What is left undone at the end has to be done with an API server.
    if (end.signal.aborted || elapsed() > total - 30) return;
    await stand.endApiServer();
    await pause(between(apiEnds, 0, 3_000));
    await stand.startApiServer();
    counts.apiRestarts += 1;
    log(`API server killed and started again at ${elapsed()} s`);
  };
  const loop = async (work: () => Promise<void>): Promise<void> => {
    while (!end.signal.aborted) await work();
  };
  const timer = setTimeout(() => end.abort(), Math.max(0, total * 1_000 - (Date.now() - started)));
  try {
    await Promise.all([
      loop(churn),
      loop(churn),
      loop(restartDriver),
      loop(restartApiServer),
      loop(async () => {
        await look();
        await wait(sampleMs, end.signal);
      }),
    ]);
  } finally {
    clearTimeout(timer);
    end.abort();
  }
  const problems = judge(samples, { volumes: options.volumes, warmUpSeconds });
  const seen = { ...pods.counts, certificates: checker.certificates };
  const secrets = await searchLogs(stand, checker);
  problems.push(...secrets.map(({ file, line, what }) => `${what} in ${file}:${line}`));
  problems.push(...(await remains(stand, pods)));
  const resident = samples.flatMap(({ driver }) => driver?.residentMb ?? []);
  const remaining = samples.flatMap(({ leastRemainingSeconds }) => leastRemainingSeconds ?? []);
  const report: SoakReport = {
    ...options,
    counts: { ...seen, ...counts, samples: samples.length },
    leastRemainingSeconds: round(Math.min(...remaining)),
    driverPeakMb: round(Math.max(...resident)),
    trend: trendOf(samples, warmUpSeconds),
    secrets,
    problems,
  };
  return { report, samples };
}

async function fill(pods: SoakPods, volumes: number): Promise<void> {
  let missing = volumes;
  await Promise.all(
    Array.from({ length: publishesAtOnce }, async () => {
      while (missing-- > 0) await pods.add();
    }),
  );
}

/** In all that the programs wrote at the level debug, and in what they leave in the API. */
async function searchLogs(
  { admin, controlPlane, installed, logs }: SoakStand,
  checker: VolumeChecker,
): Promise<SecretFound[]> {
  const objects = join(logs, 'objects');
  mkdirSync(objects, { recursive: true });
  const { namespace } = installed.pod;
  for (const type of [certificateRequests, events]) {
    const list = await admin.resource<object & { metadata: object }>(type).list({ namespace });
    writeFileSync(join(objects, `${type.plural}.json`), JSON.stringify(list, undefined, 1));
  }
  const tokens = await Promise.all(
    ['certmount-driver', 'certmount-controller'].map(async (name) => {
      const { token } = await controlPlane.connection({ serviceAccount: { namespace: 'certmount', name } });
      return token?.();
    }),
  );
  return findSecrets(logs, [...checker.keys, ...tokens.filter((token) => token !== undefined)]);
}

/** What is left when every pod has gone. */
async function remains(stand: SoakStand, pods: SoakPods): Promise<string[]> {
  await Promise.all([...pods.live].map((volume) => pods.remove(volume)));
  const labelSelector = `${requestLabels.node}=${nodeName}`;
  const requests = stand.admin.resource(certificateRequests);
  const gone = eventually('the requests to go', async () => {
    const { items } = await requests.list({ labelSelector });
    return items.length === 0 || undefined;
  });
  return [
    ...stand.mounts().map((path) => `left mounted: ${path}`),
    ...stand.records().map((name) => `left on disk: ${name}`),
    ...(await gone.then(
      () => [],
      () => ['CertificateRequests are left'],
    )),
  ];
}

type Random = () => number;

function between(random: Random, least: number, most: number): number {
  return least + random() * (most - least);
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => {});
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
