import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { events } from '../api/core.ts';
import {
  inClusterConnection,
  KubeClient,
  kubeconfigConnection,
  LeaderElector,
  systemClock,
} from '../kube/index.ts';
import type { Clock, Connection } from '../kube/index.ts';
import { HealthServer } from '../runtime/health-server.ts';
import { formatListenAddress } from '../runtime/listen-address.ts';
import type { Logger } from '../runtime/log.ts';
import { Metrics } from '../runtime/metrics.ts';
import { addProcessMetrics } from '../runtime/process-metrics.ts';
import { ApprovalMetrics } from './approval/approval-metrics.ts';
import { EventRecorder } from './events/event-recorder.ts';
import { LeaderTerm } from './leader-term.ts';
import { ControllerMetrics } from './metrics.ts';
import { controllerFlags } from './options.ts';
import type { ControllerValues } from './options.ts';
import { BundleMetrics } from './trust/bundles/bundle-metrics.ts';
import { TrustMetrics } from './trust/metrics.ts';

export interface ControllerContext {
  /** Aborts when the process should end. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly version: string;
  readonly clock?: Clock;
  /** Told where health and metrics are served. */
  readonly onListening?: (address: string) => void;
}

const leaseName = 'certmount-controller';

/** `certmount controller`. */
export const controllerCommand = {
  name: 'controller',
  summary: 'Approves and signs certificate requests, and keeps issuers ready.',
  flags: controllerFlags,
  run: (values: ControllerValues, context: ControllerContext): Promise<void> =>
    new Controller(values, context).run(),
} as const;

/** The process around a leader's term: connection, health, metrics, and who leads. */
class Controller {
  readonly #values: ControllerValues;
  readonly #signal: AbortSignal;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #userAgent: string;
  readonly #identity = `${hostname()}_${randomUUID()}`;
  readonly #onListening: (address: string) => void;
  readonly #metrics = new Metrics();
  readonly #controllerMetrics: ControllerMetrics;
  readonly #approvalMetrics: ApprovalMetrics;
  readonly #bundleMetrics: BundleMetrics;
  #term: LeaderTerm | undefined;
  #elector: LeaderElector | undefined;

  constructor(values: ControllerValues, context: ControllerContext) {
    this.#values = values;
    this.#signal = context.signal;
    this.#log = context.log;
    this.#clock = context.clock ?? systemClock;
    this.#onListening = context.onListening ?? ((): void => {});
    this.#userAgent = `certmount-controller/${context.version}`;
    addProcessMetrics(this.#metrics, { version: context.version, program: 'controller' });
    this.#controllerMetrics = new ControllerMetrics(this.#metrics, () => this.#figures());
    this.#approvalMetrics = new ApprovalMetrics(this.#metrics);
    this.#bundleMetrics = new BundleMetrics(this.#metrics);
    new TrustMetrics(this.#metrics, () => this.#term?.trustFigures());
  }

  async run(): Promise<void> {
    const { kubeconfig, metricsAddress: address, workers } = this.#values;
    const health = new HealthServer(
      { address },
      { live: () => undefined, ready: () => this.#notReady(), metrics: this.#metrics },
    );
    const listening = formatListenAddress(await health.listen());
    this.#onListening(listening);
    this.#log.info({ address: listening }, 'serving health and metrics');
    try {
      const connection = await (kubeconfig === undefined
        ? inClusterConnection()
        : kubeconfigConnection(kubeconfig));
      // Requests of both kinds have a worker's number each. The rest is for what must not wait behind them for long: signing
      // requests, statuses of issuers, Events, and Secrets.
      const client = this.#client(connection, 2 * workers + 16);
      try {
        await (this.#values.leaderElect
          ? this.#runElected(connection, client)
          : this.#lead(client, this.#signal));
      } finally {
        client.close();
      }
    } finally {
      await health.close();
    }
  }

  #client(connection: Connection, maxSockets: number): KubeClient {
    return new KubeClient(
      { connection, userAgent: this.#userAgent, timeoutMs: 10_000, maxSockets },
      { clock: this.#clock, random: Math.random },
    );
  }

  async #runElected(connection: Connection, client: KubeClient): Promise<void> {
    const { leaderElectionNamespace, clusterResourceNamespace } = this.#values;
    // Connections that nothing else is put on: a renewal that waits its turn for a few seconds is a Lease lost.
    const leaseClient = this.#client(connection, 2);
    this.#elector = new LeaderElector(
      {
        namespace: leaderElectionNamespace ?? clusterResourceNamespace,
        name: leaseName,
        identity: this.#identity,
      },
      {
        client: leaseClient,
        clock: this.#clock,
        random: Math.random,
        onChange: ({ holder, leading }) => {
          this.#log.info({ leader: holder }, leading ? 'leading' : 'standing by');
        },
        onError: (error) => this.#log.warn({ error }, 'leader election failed, trying again'),
      },
    );
    try {
      await this.#elector.run(this.#signal, (signal) => this.#lead(client, signal));
    } finally {
      leaseClient.close();
    }
  }

  async #lead(client: KubeClient, signal: AbortSignal): Promise<void> {
    const term = new LeaderTerm(this.#values, {
      client,
      clock: this.#clock,
      random: Math.random,
      approvalMetrics: this.#approvalMetrics,
      bundleMetrics: this.#bundleMetrics,
      events: this.#events(client),
      metrics: this.#controllerMetrics,
      log: this.#log,
    });
    this.#term = term;
    try {
      await term.run(signal);
    } finally {
      this.#term = undefined;
    }
  }

  #events(client: KubeClient): EventRecorder {
    const resource = client.resource(events);
    return new EventRecorder(
      { reportingController: 'certmount.io/controller', reportingInstance: this.#identity },
      {
        clock: this.#clock,
        create: (event) => resource.create(event),
        onError: (error) => this.#log.debug({ error }, 'an Event was not written'),
      },
    );
  }

  #notReady(): string | undefined {
    if (this.#values.leaderElect) {
      const leader = this.#elector?.holder;
      if (leader === undefined) return 'the leader is not known';
      if (leader === '') return 'nobody leads';
      if (leader !== this.#identity) return undefined;
    }
    return this.#term?.synced === true ? undefined : 'the caches are not filled yet';
  }

  #figures(): ReturnType<LeaderTerm['figures']> {
    return (
      this.#term?.figures() ?? {
        leading: false,
        queueDepth: { certificaterequests: 0, issuers: 0 },
        openRequests: 0,
      }
    );
  }
}
