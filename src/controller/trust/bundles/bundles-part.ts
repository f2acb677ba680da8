import { rootCertificates } from 'node:tls';
import { anchorSetName } from '../../../api/anchor-set.ts';
import { bundleLabel, bundles } from '../../../api/bundle.ts';
import type { Bundle, BundleStatus } from '../../../api/bundle.ts';
import { clusterTrustBundles, clusterTrustBundleVersions } from '../../../api/cluster-trust-bundle.ts';
import type { ClusterTrustBundle } from '../../../api/cluster-trust-bundle.ts';
import { configMaps, namespaces, secrets } from '../../../api/core.ts';
import type { Namespace } from '../../../api/core.ts';
import { Reflector, ServedWatch } from '../../../kube/index.ts';
import type { KubeObject, ReflectorOptions } from '../../../kube/index.ts';
import { issuerKeyText } from '../../issuers/issuer-key.ts';
import type { IssuerKey } from '../../issuers/issuer-key.ts';
import type { TermContext, TermPart } from '../../term-part.ts';
import { ClusterTrustBundles } from '../cluster-trust-bundles/cluster-trust-bundles.ts';
import { OptionalView } from '../optional-view.ts';
import type { AnchorConsumer } from '../rotation/other-consumers.ts';
import { BundleController } from './bundle-controller.ts';
import { readSources, sourceIssuers } from './sources/read-sources.ts';
import { SourceObjects } from './sources/source-objects.ts';
import { selectionOf } from './sources/source-selection.ts';
import { systemRoots } from './sources/system-roots.ts';
import type { SystemRoots } from './sources/system-roots.ts';
import { ClusterTrustBundleTarget } from './targets/cluster-trust-bundle-target.ts';
import { isOwnedBy, slimTarget } from './targets/present-target.ts';
import { TargetController } from './targets/target-controller.ts';
import { identityOf, pickMetadata } from '../../slim-object.ts';
import { TargetWriter } from './targets/target-writer.ts';
import type { TargetObject, TargetResource } from './targets/target-writer.ts';
import type { TargetKind } from './targets/wanted-target.ts';

export function bundlesPart(context: TermContext): TermPart {
  return new BundlesPart(context);
}

/** Targets written at once. */
const targetWorkers = 8;

/** Targets hold megabytes where Bundles have public roots: few at a time, and only digests of them are kept. */
const targetPageSize = 50;

/**
 * Serves Bundles for as long as this process leads. Nothing is watched, and nothing is said, in a cluster without their CRD;
 * when it gets one, the first Bundle starts the rest.
 */
class BundlesPart implements TermPart {
  readonly #context: TermContext;
  readonly #bundles: OptionalView<Bundle>;
  readonly #namespaces: Reflector<Namespace>;
  readonly #present: ReadonlyMap<TargetKind, Reflector<TargetObject>>;
  readonly #sources: SourceObjects;
  readonly #roots: () => SystemRoots;
  readonly #clusterTrustBundles: ServedWatch<ClusterTrustBundle>;
  readonly #targets: TargetController;
  readonly #controller: BundleController;
  #started = false;

  constructor(context: TermContext) {
    this.#context = context;
    const { client, clock, otherConsumers, random, values } = context;
    otherConsumers.expect('bundles', 'it is not known yet which Bundles hand it on');
    this.#bundles = new OptionalView(bundles, context);
    this.#namespaces = this.#reflector({ resource: client.resource(namespaces), transform: slimNamespace });
    this.#present = this.#targetViews();
    this.#sources = new SourceObjects(values.trustNamespace ?? values.clusterResourceNamespace, {
      client,
      clock,
      random,
      lists: context.lists,
      onChange: (name) => this.#controller.changed(name),
      onError: (resource, error) => this.#watchFailed(resource, error),
    });
    this.#roots = systemRoots(rootCertificates, process.versions.node);
    this.#clusterTrustBundles = this.#clusterTrustBundleView();
    this.#targets = this.#targetController();
    this.#controller = this.#bundleController();
  }

  get synced(): boolean {
    if (this.#bundles.state !== 'present') return this.#bundles.state !== 'loading';
    return this.#started && this.#views().every(({ synced }) => synced);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { bundleMetrics, issuers } = this.#context;
    this.#subscribe();
    issuers.subscribe((key) => this.#issuerChanged(key));
    bundleMetrics.show(() => this.#controller.figures(this.#bundles.list()));
    const parts = [this.#bundles.run(signal)];
    try {
      await this.#whenPresent(signal);
      this.#started = true;
      parts.push(...this.#views().map((view) => view.run(signal)), this.#clusterTrustBundles.run(signal));
      await Promise.all(this.#views().map((view) => view.whenSynced(signal)));
      await this.#context.anchorSets.whenKnown();
      this.#queueThoseLeft();
      parts.push(this.#targets.run(signal), this.#controller.run(signal));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    await Promise.all(parts);
    this.#sources.close();
    bundleMetrics.show(undefined);
  }

  /** The cluster has the CRD. */
  #whenPresent(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      this.#bundles.subscribe(() => resolve());
      void this.#bundles.whenKnown().then(() => {
        if (this.#bundles.state === 'present') resolve();
      });
    });
  }

  #subscribe(): void {
    const { anchorSets } = this.#context;
    this.#bundles.subscribe(({ type, object, ...change }) => {
      const previous = 'previous' in change ? change.previous : undefined;
      if (type === 'modified' && sameWish(object, previous)) return;
      if (this.#bundles.state !== 'loading') this.#nameIssuers();
      this.#controller.changed(object.metadata.name ?? '');
    });
    void this.#bundles.whenKnown().then(() => this.#nameIssuers());
    this.#namespaces.subscribe(({ object }) => this.#targets.namespaceChanged(object.metadata.name ?? ''));
    for (const view of this.#present.values()) {
      view.subscribe(({ object }) => this.#targets.targetChanged(object));
    }
    this.#clusterTrustBundles.subscribe(({ object }) => {
      const name = object.metadata.labels?.[bundleLabel] ?? '';
      if (this.#bundles.get({ name }) === undefined) this.#controller.changed(name);
      else this.#controller.publishedChanged(name);
    });
    anchorSets.subscribe((source) => {
      if (source.kind === 'Bundle') this.#controller.publishedChanged(source.name);
    });
    anchorSets.collect('Bundle', (source) => {
      if (this.#bundles.state === 'loading' || this.#bundles.state === 'refused') return undefined;
      return this.#bundles.get({ name: source.name }) !== undefined;
    });
  }

  /** Bundles that went while nobody led, and left targets. */
  #queueThoseLeft(): void {
    for (const view of this.#present.values()) {
      for (const object of view.list()) {
        const name = object.metadata.labels?.[bundleLabel] ?? '';
        if (isOwnedBy(name, object) && this.#bundles.get({ name }) === undefined)
          this.#controller.changed(name);
      }
    }
  }

  #issuerChanged(key: IssuerKey): void {
    const text = issuerKeyText(key);
    for (const bundle of this.#bundles.list()) {
      if (sourceIssuers(bundle).some((issuer) => issuerKeyText(issuer) === text)) {
        this.#controller.changed(bundle.metadata.name ?? '');
      }
    }
  }

  /** A new CA of theirs has to reach those who read Bundles, too. */
  #nameIssuers(): void {
    const consumers = [...this.#bundles.list()].flatMap((bundle) => {
      const consumer = this.#consumerOf(bundle);
      return sourceIssuers(bundle).map((issuer) => [issuer, consumer] as const);
    });
    this.#context.otherConsumers.replace('bundles', consumers);
  }

  #consumerOf({ metadata: { name = '' }, spec: { target = {} } }: Bundle): AnchorConsumer {
    const controller = this.#controller;
    return {
      name: `Bundle ${name}`,
      isSilent: [target.configMap, target.secret, target.clusterTrustBundle].some((one) => one !== undefined),
      lacks: (anchors) => controller.lacks(name, anchors),
      set: { name: anchorSetName({ kind: 'Bundle', name }), hash: () => controller.publishedHash(name) },
    };
  }

  #views(): readonly (Reflector<Namespace> | Reflector<TargetObject>)[] {
    return [this.#namespaces, ...this.#present.values()];
  }

  #targetViews(): ReadonlyMap<TargetKind, Reflector<TargetObject>> {
    const { client, values } = this.#context;
    const kinds: readonly TargetKind[] = values.secretTargets ? ['ConfigMap', 'Secret'] : ['ConfigMap'];
    return new Map(
      kinds.map((kind) => [
        kind,
        this.#reflector({
          resource: targetResource(client, kind),
          labelSelector: bundleLabel,
          pageSize: targetPageSize,
          transform: slimTarget,
        }),
      ]),
    );
  }

  #clusterTrustBundleView(): ServedWatch<ClusterTrustBundle> {
    const { client, clock, random } = this.#context;
    const [newest, older] = clusterTrustBundleVersions;
    return new ServedWatch(
      { types: [clusterTrustBundles(newest), clusterTrustBundles(older)], labelSelector: bundleLabel },
      { client, clock, random, onError: (error) => this.#watchFailed('clustertrustbundles', error) },
    );
  }

  #reflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
    const { clock, random } = this.#context;
    const { plural } = options.resource.type;
    return new Reflector(options, { clock, random, onError: (error) => this.#watchFailed(plural, error) });
  }

  #targetController(): TargetController {
    const { bundleMetrics, client, clock, log, random } = this.#context;
    return new TargetController(
      { workers: targetWorkers },
      {
        clock,
        random,
        log,
        namespaces: this.#namespaces,
        present: (kind) => this.#present.get(kind) ?? nothing,
        writer: new TargetWriter({
          resource: (kind) => targetResource(client, kind),
          onWrite: (operation) => bundleMetrics.wrote(operation),
        }),
        onFailure: () => bundleMetrics.wrote('failed'),
        onSettled: (bundle) => this.#controller.settled(bundle),
      },
    );
  }

  #bundleController(): BundleController {
    const { anchorSets, anchors, client, clock, events, issuers, log, random, values } = this.#context;
    const sources = { objects: this.#sources, issuers, anchors, roots: this.#roots };
    return new BundleController(
      { secretTargets: values.secretTargets },
      {
        clock,
        random,
        events,
        log,
        find: (name) => this.#bundles.get({ name }),
        want: (name, bundle) =>
          this.#sources.want(
            name,
            (bundle?.spec.sources ?? []).flatMap((source) => selectionOf(source) ?? []),
          ),
        read: (bundle) => readSources(bundle, sources),
        defaultCAVersion: () => this.#roots().version,
        anchorSets: anchorSets.writer,
        targets: this.#targets,
        clusterTrustBundles: new ClusterTrustBundleTarget({
          writer: new ClusterTrustBundles(client),
          present: this.#clusterTrustBundles,
        }),
        onPublished: (bundle) => {
          for (const issuer of sourceIssuers(bundle)) this.#context.otherConsumers.changed(issuer);
        },
        writeStatus: (bundle, status) => this.#writeStatus(bundle, status),
      },
    );
  }

  async #writeStatus(bundle: Bundle, status: BundleStatus): Promise<void> {
    const body = { metadata: identityOf(bundle), spec: bundle.spec, status };
    await this.#context.client.resource(bundles).replaceStatus(body);
  }

  #watchFailed(resource: string, error: unknown): void {
    this.#context.log.warn({ resource, error }, 'watch failed, trying again');
  }
}

const nothing = { get: () => undefined, list: (): readonly TargetObject[] => [] };

/** One of the two; what is done here is done alike with both. */
function targetResource(
  client: TermContext['client'],
  kind: TargetKind,
): TargetResource & ReflectorOptions<TargetObject>['resource'] {
  return kind === 'ConfigMap' ? client.resource(configMaps) : client.resource(secrets);
}

/** A status that was written, our own too, asks for nothing. */
function sameWish(a: Bundle, b: Bundle | undefined): boolean {
  return (
    a.metadata.generation === b?.metadata.generation &&
    a.metadata.deletionTimestamp === b?.metadata.deletionTimestamp &&
    JSON.stringify(a.metadata.annotations) === JSON.stringify(b?.metadata.annotations)
  );
}

function slimNamespace({ metadata, status }: Namespace): Namespace {
  return {
    metadata: pickMetadata(metadata, 'name', 'uid', 'resourceVersion', 'labels', 'deletionTimestamp'),
    ...(status?.phase !== undefined && { status: { phase: status.phase } }),
  };
}
