import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import * as nodeFs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DriverMetrics, SwapOutcome } from '../../../../src/driver/metrics.ts';
import { AnchorSets } from '../../../../src/driver/trust/anchor-sets.ts';
import { coverage } from '../../../../src/driver/trust/coverage.ts';
import { TrustKeeper } from '../../../../src/driver/trust/trust-keeper.ts';
import type { AppliedAnchorSet } from '../../../../src/api/node-trust.ts';
import type { Compatibility } from '../../../../src/driver/volume/attributes/compatibility.ts';
import { generationName } from '../../../../src/driver/volume/files/generation.ts';
import { VolumeFiles } from '../../../../src/driver/volume/files/volume-files.ts';
import { Issuance } from '../../../../src/driver/volume/issuance/issuance.ts';
import { RequestJanitor } from '../../../../src/driver/volume/issuance/request-janitor.ts';
import { NodePods } from '../../../../src/driver/volume/pods/node-pods.ts';
import { VolumeMounts } from '../../../../src/driver/volume/mount/volume-mounts.ts';
import {
  VolumeRecords,
  type VolumeRecordsDependencies,
} from '../../../../src/driver/volume/state/volume-records.ts';
import type { VolumeFailure } from '../../../../src/driver/volume/volume-error.ts';
import type { VolumePorts } from '../../../../src/driver/volume/volume-ports.ts';
import { Volumes, type VolumeSource } from '../../../../src/driver/volume/volumes.ts';
import { Reflector } from '../../../../src/kube/index.ts';
import {
  type Certificate,
  decodePrivateKey,
  parseChain,
  publicKeyOf,
  samePublicKey,
} from '../../../../src/pki/index.ts';
import { type Logger, silentLogger } from '../../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { Authority, newKey } from './authority.ts';
import { driverName, nodeName, parseSource } from './builders.ts';
import { FakeAnchorSets } from './fake-anchor-sets.ts';
import { FakeApi } from './fake-api.ts';
import { FakeKernel } from './fake-kernel.ts';
import { FakePods } from './fake-pods.ts';
import { Lifeline } from './lifeline.ts';

export interface TestEvent {
  readonly reason: string;
  readonly note: string;
}

/** One process of the driver, without its sockets. */
export interface TestDriver {
  readonly volumes: Volumes;
  readonly life: Lifeline;
  readonly events: TestEvent[];
  readonly renewals: ('renewed' | VolumeFailure)[];
  readonly errors: string[];
  readonly swaps: SwapOutcome[];
  /** What the driver would report of its anchors. */
  coverage(): AppliedAnchorSet[];
  publish(source: VolumeSource, signal?: AbortSignal): Promise<void>;
  unpublish(source: VolumeSource, signal?: AbortSignal): Promise<void>;
  /** Ends it in order. */
  stop(): Promise<void>;
}

/** A node: what outlives the driver's process (folders, mounts, the API server) and a way to start one. */
export class TestNode implements Disposable {
  readonly clock: FakeClock;
  readonly directory: string;
  readonly kernel = new FakeKernel();
  readonly api: FakeApi;
  readonly authority: Authority;
  readonly pods = new FakePods();
  readonly anchorSets = new FakeAnchorSets();
  compatibility: Compatibility = 'none';
  concurrentRenewals = 4;
  keepIssuedRequests = true;
  /** From 0 to 1. */
  random: () => number = () => 0;
  renewalSpread: (leaf: Certificate) => number = () => 0;
  /** Of the drivers that are started from now on. */
  workloadApis: VolumePorts['workloadApis'] = undefined;
  /** Keys made, by all processes. */
  keysMade = 0;
  /** Runs before a key is made; for keys that take their time. */
  beforeKey: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Runs before a record is written; for disks that take their time. */
  beforeRecord: (() => Promise<void>) | undefined;
  /** Takes no time of its own, so that nothing is under way when all is quiet. */
  readonly #disk: VolumeRecordsDependencies['fsPromises'] = {
    writeFile: (async (path: string, data: string, options: nodeFs.WriteFileOptions) => {
      await this.beforeRecord?.();
      nodeFs.writeFileSync(path, data, options);
    }) as typeof nodeFs.promises.writeFile,
    rename: async (from, to) => nodeFs.renameSync(from, to),
  };
  #names = 0;
  #drivers: TestDriver[] = [];
  readonly #aborts: AbortController[] = [];

  private constructor(authority: Authority, clock: FakeClock) {
    this.authority = authority;
    this.clock = clock;
    this.directory = nodeFs.mkdtempSync(join(tmpdir(), 'certmount-unit-'));
    nodeFs.mkdirSync(join(this.directory, 'pods'));
    this.api = new FakeApi(this.clock, (request) => authority.sign(request, this.clock.now()));
  }

  /** @param shared the authority and the clock of nodes that are in one cluster */
  static async create(
    shared: { readonly authority?: Authority; readonly clock?: FakeClock } = {},
  ): Promise<TestNode> {
    const { authority = await Authority.create(Date.UTC(2026, 0, 1)), clock = new FakeClock() } = shared;
    return new TestNode(authority, clock);
  }

  get target(): string {
    return this.targetOf('csi-1');
  }

  get stateDirectory(): string {
    return join(this.directory, 'state');
  }

  targetOf(volumeId: string): string {
    return join(this.directory, 'pods', volumeId);
  }

  /** Starts a driver and lets it take up what is there; the one before must have ended or been killed. */
  async start(): Promise<TestDriver> {
    const life = new Lifeline();
    const clock = life.clock(this.clock);
    const abort = new AbortController();
    this.#aborts.push(abort);
    life.onDeath(() => abort.abort());
    const events: TestEvent[] = [];
    const renewals: TestDriver['renewals'] = [];
    const errors: string[] = [];
    const swaps: SwapOutcome[] = [];
    const log: Logger = { ...silentLogger, error: (_fields, message) => errors.push(message) };
    const metrics: DriverMetrics = {
      call: () => {},
      issuancePhase: () => {},
      renewal: (outcome) => renewals.push(outcome),
      swap: (outcome) => swaps.push(outcome),
    };
    const random = (): number => this.random();
    const reflector = new Reflector({ resource: life.wrap('api', this.api) }, { clock, random });
    const requests = life.wrap('api', this.api);
    this.kernel.enterNamespace();
    const fs = life.wrap('fs', this.kernel.guarded(nodeFs));
    const anchors = new AnchorSets(
      {},
      {
        reflector: (onError) => this.anchorSets.reflector(clock, onError),
        read: (name) => this.anchorSets.read(name),
        readAnchors: parseChain,
        clock,
        random,
        log,
      },
    );
    const tell = (reason: string, note: string): void => void events.push({ reason, note });
    const volumes: Volumes = new Volumes(
      { concurrentRenewals: this.concurrentRenewals, keepIssuedRequests: this.keepIssuedRequests },
      {
        clock,
        random,
        log,
        metrics,
        parseSpec: (source, podIps) => parseSource(source, podIps, { compatibility: this.compatibility }),
        pods: new NodePods({}, { reflector: () => this.pods.reflector(clock) }),
        ...(this.workloadApis === undefined ? {} : { workloadApis: this.workloadApis }),
        subPaths: { lookLater: () => {}, forget: () => {} },
        renewalSpread: (leaf) => this.renewalSpread(leaf),
        anchors,
        readAnchors: parseChain,
        randomHex: () => `h${++this.#names}`,
        generateKey: async (_spec, signal) => {
          await this.beforeKey?.(signal);
          this.keysMade += 1;
          return newKey();
        },
        mounts: new VolumeMounts(
          {
            source: 'csi.certmount.io',
            sizeBytes: 1_048_576,
            takesOver: this.compatibility !== 'none',
          },
          { mounter: life.wrap('kernel', this.kernel), fs: life.wrap('fs', this.kernel.fs) },
        ),
        files: new VolumeFiles({}, { fs, now: () => new Date(clock.now()) }),
        records: new VolumeRecords(
          { directory: this.stateDirectory },
          { fs, fsPromises: life.wrap('fs', this.#disk) },
        ),
        issuance: new Issuance(
          { driverName, nodeName },
          { requests, reflector, clock, requester: async () => ({ username: 'driver' }), observe: () => {} },
        ),
        events: {
          warn: (_pod, reason, note) => tell(reason, note),
          inform: (_pod, reason, note) => tell(reason, note),
        },
        release: (namespace, request) => janitor.release(namespace, request),
        onSettled: (volumeId) => keeper.settled(volumeId),
      },
    );
    const janitor = new RequestJanitor(
      { workers: 1 },
      {
        reflector,
        requests,
        clock,
        random,
        log,
        isNeeded: (volumeId, namespace, request) => volumes.needs(volumeId, namespace, request),
        onDeleted: (volumeId, namespace, request) => volumes.forgetRefusal(volumeId, namespace, request),
      },
    );
    const keeper = new TrustKeeper(
      {},
      {
        volumes,
        anchors,
        onChange: () => {},
        events: { warn: (_pod, reason, note) => tell(reason, note) },
        metrics,
        clock,
        random,
        log,
      },
    );
    const background: Promise<unknown>[] = [];
    const driver: TestDriver = {
      volumes,
      life,
      events,
      renewals,
      errors,
      swaps,
      coverage: () => coverage(volumes.all(), anchors),
      publish: (source, signal = new AbortController().signal) => volumes.publish(source, signal),
      unpublish: ({ volumeId, targetPath }, signal = new AbortController().signal) =>
        volumes.unpublish(volumeId, targetPath, signal),
      stop: async () => {
        await volumes.stop(0);
        abort.abort();
        await Promise.allSettled(background);
      },
    };
    this.#drivers.push(driver);
    await volumes.recover();
    background.push(
      reflector.run(abort.signal),
      janitor.run(abort.signal),
      anchors.run(abort.signal),
      keeper.run(abort.signal),
    );
    await quiet();
    return driver;
  }

  /** Time passes; what it starts is done. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await quiet();
  }

  [Symbol.dispose](): void {
    for (const driver of this.#drivers) driver.life.kill();
    nodeFs.rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Keys and signatures come from the thread pool, so that it takes real turns of the event loop until all is quiet. */
export async function quiet(): Promise<void> {
  for (let round = 0; round < 5; round++) {
    for (let turn = 0; turn < 10; turn++) await settle();
    await newKey();
  }
  for (let turn = 0; turn < 25; turn++) await settle();
}

/** Waits for what only takes turns of the event loop and the thread pool, no time. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < 5_000; turn++) {
    if (holds()) return;
    await settle();
  }
  assert.fail(`never happened: ${what}`);
}

/** Checks that the volume is whole, as a pod sees it, and gives its serial number. */
export function assertWhole(target: string): string {
  const read = (name: string): string => nodeFs.readFileSync(join(target, name), 'utf8');
  const key = decodePrivateKey(read('tls.key'));
  const [leaf] = parseChain(read('tls.crt'));
  assert.ok(leaf);
  assert.ok(samePublicKey(leaf.publicKey, publicKeyOf(key)), 'key and certificate match');
  assert.ok(
    new X509Certificate(leaf.pem).verify(new X509Certificate(read('ca.crt')).publicKey),
    'issued by ca.crt',
  );
  assert.ok(read('credential-bundle.pem').endsWith(read('tls.crt')), 'the bundle has the same chain');
  assert.ok(read('credential-bundle.pem').startsWith('-----BEGIN PRIVATE KEY-----'));
  const generations = nodeFs.readdirSync(target).filter((name) => generationName.test(name));
  assert.ok(generations.length <= 2, 'the generation and the one before it, no more');
  return leaf.serialNumber;
}
