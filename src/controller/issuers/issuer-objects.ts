import { clusterIssuers, issuers } from '../../api/issuer.ts';
import type { ClusterIssuer, Issuer, IssuerStatus } from '../../api/issuer.ts';
import { Reflector } from '../../kube/index.ts';
import type { Clock, KubeClient, KubeObject, ResourceType } from '../../kube/index.ts';
import { statusOf, withoutManagedFields } from '../slim-object.ts';
import { issuerObjectKey } from './issuer-key.ts';
import type { IssuerKey } from './issuer-key.ts';
import type { AnyIssuer } from './issuer-states.ts';

export interface IssuerObjectsDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onWatchError: (resource: string, error: unknown) => void;
}

/** The issuers of the cluster, of both kinds, as the API has them. */
export class IssuerObjects {
  readonly #client: KubeClient;
  readonly #issuers: Reflector<Issuer>;
  readonly #clusterIssuers: Reflector<ClusterIssuer>;

  constructor(deps: IssuerObjectsDependencies) {
    this.#client = deps.client;
    this.#issuers = reflectorOf(issuers, deps);
    this.#clusterIssuers = reflectorOf(clusterIssuers, deps);
  }

  get synced(): boolean {
    return this.#issuers.synced && this.#clusterIssuers.synced;
  }

  /** Resolves once synced. Rejects with the signal's reason. */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#issuers.whenSynced(signal), this.#clusterIssuers.whenSynced(signal)]);
  }

  find(key: IssuerKey): AnyIssuer | undefined {
    const reflector = key.kind === 'Issuer' ? this.#issuers : this.#clusterIssuers;
    return reflector.get(issuerObjectKey(key));
  }

  *keys(): Iterable<IssuerKey> {
    for (const issuer of this.#issuers.list()) yield keyOf('Issuer', issuer);
    for (const issuer of this.#clusterIssuers.list()) yield keyOf('ClusterIssuer', issuer);
  }

  /** Told of each issuer that is new, changed or gone. */
  subscribe(listener: (key: IssuerKey) => void): void {
    this.#issuers.subscribe(({ object }) => listener(keyOf('Issuer', object)));
    this.#clusterIssuers.subscribe(({ object }) => listener(keyOf('ClusterIssuer', object)));
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#issuers.run(signal), this.#clusterIssuers.run(signal)]);
  }

  /** Throws KubeError. */
  async writeStatus(key: IssuerKey, issuer: AnyIssuer, status: IssuerStatus): Promise<void> {
    const body = statusOf(issuer, status);
    if (key.kind === 'Issuer') await this.#client.resource(issuers).replaceStatus(body);
    else await this.#client.resource(clusterIssuers).replaceStatus(body);
  }
}

function reflectorOf<T extends KubeObject>(
  type: ResourceType<T>,
  { client, clock, onWatchError, random }: IssuerObjectsDependencies,
): Reflector<T> {
  return new Reflector(
    { resource: client.resource(type), transform: withoutManagedFields },
    { clock, random, onError: (error) => onWatchError(type.plural, error) },
  );
}

function keyOf(kind: IssuerKey['kind'], { metadata: { name = '', namespace = '' } }: AnyIssuer): IssuerKey {
  return kind === 'Issuer' ? { kind, namespace, name } : { kind, name };
}
