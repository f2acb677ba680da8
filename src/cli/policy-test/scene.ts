import { type Namespace, namespaces, type Service, services } from '../../api/core.ts';
import type { KubeObject } from '../../kube/object.ts';
import { readInjection } from './injection/read-injection.ts';
import type { Annotations, Injection } from './injection/settings.ts';
import { knownKind } from './kinds.ts';
import type { Manifest } from './read-manifests.ts';

/** What stands around the pods in the files. */
export interface Scene {
  readonly services: readonly Service[];
  /** By name, of the Namespaces that there are. */
  readonly namespaces: ReadonlyMap<string, NamespaceFacts>;
  readonly injection: Injection;
}

interface NamespaceFacts {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Annotations;
}

/**
 * @param namespace of objects that name none
 * @param driverNames as the command line has them
 */
export function sceneOf(
  manifests: readonly Manifest[],
  namespace: string,
  driverNames: readonly string[],
): Scene {
  const objects = manifests.map(({ object }) => object).filter((object) => knownKind(object) !== undefined);
  return {
    services: objects
      .filter((object): object is Service => object.kind === services.kind)
      .map((service) => ({ ...service, metadata: { namespace, ...service.metadata } })),
    namespaces: new Map(objects.filter(isNamespace).map(factsOf)),
    injection: readInjection(manifests, driverNames),
  };
}

function isNamespace(object: KubeObject): object is Namespace {
  return object.kind === namespaces.kind;
}

function factsOf({ metadata }: Namespace): [name: string, facts: NamespaceFacts] {
  const { annotations = {}, labels = {}, name = '' } = metadata;
  return [name, { labels: { 'kubernetes.io/metadata.name': name, ...labels }, annotations }];
}
