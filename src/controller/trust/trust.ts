import { anchorSetName, anchorsHash, parseAnchorSource } from '../../api/anchor-set.ts';
import { getCondition } from '../../api/condition.ts';
import { secrets } from '../../api/core.ts';
import { nodeTrusts } from '../../api/node-trust.ts';
import type { NodeTrust } from '../../api/node-trust.ts';
import { Reflector } from '../../kube/index.ts';
import type { Clock, KubeClient } from '../../kube/index.ts';
import type { Certificate } from '../../pki/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EventRecorder } from '../events/event-recorder.ts';
import type { SigningChoice } from '../issuers/ca/signing-choice.ts';
import { issuerKeyText, parseIssuerKey } from '../issuers/issuer-key.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import type { IssuerObjects } from '../issuers/issuer-objects.ts';
import { AnchorSets } from './anchor-sets/anchor-sets.ts';
import { CoverageReporter } from './coverage/coverage-reporter.ts';
import { NodeCoverage, slimNodeTrust } from './coverage/node-coverage.ts';
import type { Coverage, SetState } from './coverage/node-coverage.ts';
import { roomFor } from './anchor-sets/room.ts';
import type { TrustFigures } from './metrics.ts';
import { IssuerRotations } from './rotation/issuer-rotations.ts';
import { OtherConsumers } from './rotation/other-consumers.ts';
import { OldPairKeeper } from './rotation/old-pair-keeper.ts';
import { PreviousPairs } from './rotation/previous-pairs.ts';
import { PreviousReader } from './rotation/previous-reader.ts';
import type { KeptPair, SecretKey } from './rotation/previous-pairs.ts';
import { RotationController } from './rotation/rotation-controller.ts';
import type { RotationReport } from './rotation/rotation-report.ts';
import { parseRotationRecord, rotationRecordAnnotation } from './rotation/rotation-record.ts';
import { neededUntil } from './rotation/rotation.ts';

export interface TrustOptions {
  readonly trustDomain: string;
  readonly settleMs: number;
}

export interface TrustDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly issuers: Pick<IssuerObjects, 'find' | 'synced' | 'whenSynced'>;
  readonly present: (key: IssuerKey) => KeptPair | undefined;
  readonly secretOf: (key: IssuerKey) => SecretKey | undefined;
  /** What the issuer signs with, publishes or says may be another. */
  readonly onChange: (key: IssuerKey) => void;
  /** Now it can be said which CA each issuer signs with. */
  readonly onReady: () => void;
}

/** What a leader knows and does about trust in issuers: what is published, who has it, and which CA signs meanwhile. */
export class Trust {
  readonly anchorSets: AnchorSets;
  readonly otherConsumers = new OtherConsumers();
  readonly #deps: TrustDependencies;
  readonly #nodeTrusts: Reflector<NodeTrust>;
  readonly #coverage = new NodeCoverage();
  readonly #previous: PreviousPairs;
  readonly #reader: PreviousReader;
  readonly #rotations: IssuerRotations;
  readonly #controller: RotationController;
  readonly #reporter: CoverageReporter;

  constructor(options: TrustOptions, deps: TrustDependencies) {
    this.#deps = deps;
    const { client, clock } = deps;
    this.anchorSets = new AnchorSets(deps);
    this.#nodeTrusts = new Reflector(
      { resource: client.resource(nodeTrusts), transform: slimNodeTrust },
      { ...deps, onError: (error) => this.#nodeTrustsFailed(error) },
    );
    this.#previous = new PreviousPairs({ resource: client.resource(secrets) });
    this.#reader = new PreviousReader(
      {},
      { ...deps, pairs: this.#previous, onRead: (key) => this.#changed(key) },
    );
    this.#rotations = new IssuerRotations({
      now: () => clock.now(),
      sets: () => this.anchorSets.state,
      isNew: (key) => !getCondition(deps.issuers.find(key)?.status?.conditions, 'Ready'),
      stored: (key) => this.anchorSets.writer.get(key),
      previous: (key, secret) => this.#reader.get(key, secret),
      onOutgrown: (issuer) => this.#controller.touch(parseIssuerKey(issuer)),
    });
    this.#controller = this.#rotationController(options);
    this.#reporter = new CoverageReporter({
      ...deps,
      find: (name) => this.anchorSets.get(name),
      coverage: (sets) => this.#coverageOf(sets),
      rotation: (source) => (source.kind === 'Bundle' ? undefined : this.#controller.report(source)),
      writeStatus: (source, status) => this.anchorSets.writer.writeStatus(source, status),
    });
    this.#subscribe();
  }

  get synced(): boolean {
    return this.anchorSets.state !== 'loading';
  }

  /** Which CA an issuer signs with, now that its Secret has this one. */
  choose(key: IssuerKey, present: KeptPair): SigningChoice {
    return this.#rotations.choose(key, present);
  }

  /**
   * What an issuer's certificates are verified against, as far as it is known without its Secret. One that signs with no CA of
   * its own any more has what it published for as long as that is kept, and nothing after that.
   */
  anchors(key: IssuerKey): readonly Certificate[] | undefined {
    const state = this.anchorSets.state;
    if (state === 'loading' || state === 'refused') return undefined;
    const published = state === 'present' ? this.#rotations.anchors(key) : undefined;
    if (published) return published;
    const issuer = this.#deps.issuers.find(key);
    const isDone = issuer && !issuer.spec.ca && !this.anchorSets.writer.get(key);
    return isDone ? [] : undefined;
  }

  /** What an issuer's condition should say of its CAs; undefined when that is not known. */
  report(key: IssuerKey): RotationReport | undefined {
    return this.#controller.report(key);
  }

  /** The issuer, its Secret or its annotations may have changed. */
  issuerChanged(key: IssuerKey): void {
    this.#controller.touch(key);
  }

  figures(): TrustFigures {
    return {
      sets: () =>
        [...this.anchorSets.list()].map(({ metadata: { name = '' }, spec }) => ({
          name,
          ...(this.#coverageOf([{ name, hash: anchorsHash(spec.anchors) }]) ?? { nodes: 0, covered: 0 }),
        })),
      rotations: () =>
        Array.from(this.#rotations.entries(), ([key, { phase }]) =>
          this.#controller.report(key)?.reason === 'NoRoom' ? 'no-room' : phase,
        ),
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const running = [this.anchorSets.run(signal), this.#nodeTrusts.run(signal)];
    await Promise.all([this.anchorSets.whenKnown(), this.#deps.issuers.whenSynced(signal).catch(() => {})]);
    if (!signal.aborted) {
      this.#deps.onReady();
      running.push(this.#reader.run(signal), this.#controller.run(signal), this.#reporter.run(signal));
    }
    await Promise.all(running);
  }

  /** While no NodeTrusts can be read it is not known that there are none. */
  #coverageOf(sets: readonly SetState[]): Coverage | undefined {
    return this.#nodeTrusts.synced ? this.#coverage.of(sets) : undefined;
  }

  /** A cluster without AnchorSets has none of these either. */
  #nodeTrustsFailed(error: unknown): void {
    if (this.anchorSets.state === 'absent') return;
    this.#deps.log.warn({ resource: 'nodetrusts', error }, 'watch failed, trying again');
  }

  #rotationController({ trustDomain, settleMs }: TrustOptions): RotationController {
    const { onChange } = this.#deps;
    return new RotationController(
      { trustDomain, settleMs },
      {
        ...this.#deps,
        find: (key) => this.#deps.issuers.find(key),
        rotations: this.#rotations,
        oldPairs: this.#oldPairKeeper(),
        writer: this.anchorSets.writer,
        room: (key) => roomFor(key, this.anchorSets.writer.all()),
        coverage: (sets) => this.#coverageOf(sets),
        consumers: this.otherConsumers,
        onChange: (key) => {
          this.#reporter.touch(anchorSetName(key));
          onChange(key);
        },
        onForget: (key) => this.#reader.forget(key),
      },
    );
  }

  #oldPairKeeper(): OldPairKeeper {
    const { events, log, secretOf } = this.#deps;
    return new OldPairKeeper({
      previous: this.#previous,
      secretOf,
      setOf: (key) => this.anchorSets.writer.get(key),
      onRefused: (key, issuer, error) => {
        log.warn({ issuer: issuerKeyText(key), error }, 'the old CA was not kept in a Secret');
        events.record(issuer, key.kind, 'Warning', 'PreviousCANotKept', error.message);
      },
    });
  }

  /** What could not be said before can be now. */
  #changed(key: IssuerKey): void {
    this.#controller.touch(key);
    this.#deps.onChange(key);
  }

  #subscribe(): void {
    this.#nodeTrusts.subscribe(this.#coverage.onChange);
    this.#coverage.subscribe((set) => {
      this.#reporter.touchSoon(set);
      const source = parseAnchorSource(this.anchorSets.get(set)?.spec.source ?? '');
      if (source && source.kind !== 'Bundle') this.#controller.touchSoon(source);
      for (const issuer of this.otherConsumers.readersOf(set))
        this.#controller.touchSoon(parseIssuerKey(issuer));
    });
    this.anchorSets.subscribe((source) => {
      this.#reporter.touch(anchorSetName(source));
      if (source.kind === 'Bundle') return;
      this.#controller.touch(source);
      if (!this.anchorSets.writer.get(source)) this.#deps.onChange(source);
    });
    this.otherConsumers.subscribe((issuer) => this.#controller.touch(parseIssuerKey(issuer)));
    for (const kind of ['Issuer', 'ClusterIssuer'] as const) {
      this.anchorSets.collect(kind, (source) =>
        source.kind === 'Bundle' ? undefined : this.#isNeeded(source),
      );
    }
  }

  #isNeeded(key: IssuerKey): boolean | { until: number } | undefined {
    if (!this.#deps.issuers.synced) return undefined;
    if (this.#deps.issuers.find(key)?.spec.ca) return true;
    const record = this.anchorSets.writer.get(key)?.metadata.annotations?.[rotationRecordAnnotation];
    const rotation = parseRotationRecord(record);
    return rotation ? { until: neededUntil(rotation) } : false;
  }
}
