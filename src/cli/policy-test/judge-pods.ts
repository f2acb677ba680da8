import { type Namespace, namespaces, type Service, services } from '../../api/core.ts';
import type { KubeObject } from '../../kube/object.ts';
import { isPkiError } from '../../pki/index.ts';
import { type KnownPolicy, Policies, type PolicyJudge, type PolicyRequest } from '../../policy/index.ts';
import { ToolError } from '../../runtime/tool.ts';
import { kindText, knownKind } from './kinds.ts';
import { podOf } from './pods-of.ts';
import { type Manifest, manifestText } from './read-manifests.ts';
import { askedFor, type VolumeResult } from './report.ts';
import { type RequestOptions, requestsOf } from './requests-of.ts';

/** What the files hold. */
export interface TestInput {
  /** Pods are taken from these. */
  readonly workloads: readonly Manifest[];
  /** Further Services and Namespaces. */
  readonly others: readonly Manifest[];
  readonly policies: readonly KnownPolicy[];
}

export interface TestOptions extends Omit<RequestOptions, 'services'> {
  /** Of objects that name none. */
  readonly namespace: string;
}

export interface TestOutcome {
  readonly results: readonly VolumeResult[];
  /** What could change the answer and is not known. */
  readonly warnings: readonly string[];
}

/** What becomes of each volume of each pod. */
export async function judgePods(
  { others, policies, workloads }: TestInput,
  options: TestOptions,
): Promise<TestOutcome> {
  const { clusterDomain, namespace, trustDomain } = options;
  const all = [...workloads, ...others].map(({ object }) => object);
  const labels = namespaceLabels(all);
  const judge = new Policies(
    { surroundings: { clusterDomain, trustDomain } },
    {
      list: () => policies,
      isBound: () => Promise.resolve(true),
      namespaceLabels: (name) => Promise.resolve(labels.get(name)),
    },
  );
  const asking = { ...options, services: servicesIn(all, namespace) };

  const results: VolumeResult[] = [];
  const unlabelled = new Set<string>();
  for (const { object } of workloads) {
    const planned = podOf(object, namespace);
    if (planned === undefined) continue;
    const { origin, pod } = planned;
    const podNamespace = pod.metadata.namespace ?? '';
    if (!labels.has(podNamespace)) unlabelled.add(podNamespace);
    for (const asked of possible(origin, () => requestsOf(pod, asking))) {
      const { volume } = asked;
      results.push(
        asked.outcome === 'invalid'
          ? { origin, volume, decision: 'invalid', message: asked.message }
          : { origin, volume, ...(await decided(asked.request, judge)) },
      );
    }
  }
  const byLabels = policies.some(({ spec }) => spec.selector.namespace?.matchLabels !== undefined);
  const warnings = [...(byLabels ? unlabelled : [])].map(
    (name) => `namespace ${name} is in no file: policies that select by labels do not apply to it`,
  );
  return { results, warnings: [...warnings, ...notLookedAt(workloads, options)] };
}

/** Objects of other projects that make pods with such volumes. */
function notLookedAt(
  workloads: readonly Manifest[],
  { driverNames }: Pick<TestOptions, 'driverNames'>,
): string[] {
  return workloads
    .filter(({ object }) => knownKind(object) === undefined)
    .filter(({ object }) =>
      driverNames.some((name) => JSON.stringify(object).includes(`"driver":${JSON.stringify(name)}`)),
    )
    .map((manifest) => `${manifestText(manifest)}: pods of a ${kindText(manifest.object)} are not looked at`);
}

/** A pod that can have no SPIFFE ID, such as one in a namespace that no cluster could have, is a mistake of the file. */
function possible<T>(origin: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (isPkiError(error)) throw new ToolError(`${origin}: ${error.message}`, { cause: error });
    throw error;
  }
}

async function decided(
  request: PolicyRequest,
  judge: PolicyJudge,
): Promise<Omit<VolumeResult, 'origin' | 'volume'>> {
  const decision = await judge.decide(request);
  const asks = askedFor(request);
  switch (decision.decision) {
    case 'approve':
      return { decision: 'approved', policy: decision.policy, asks };
    case 'deny':
      return { decision: 'denied', message: decision.message, asks };
    case 'leave':
      return { decision: 'no-policy', message: decision.message, asks };
  }
}

function servicesIn(objects: readonly KubeObject[], namespace: string): Service[] {
  return objects
    .filter((object): object is Service => isOf(object, services.kind))
    .map((service) => ({ ...service, metadata: { namespace, ...service.metadata } }));
}

function namespaceLabels(objects: readonly KubeObject[]): Map<string, Record<string, string>> {
  return new Map(
    objects
      .filter((object): object is Namespace => isOf(object, namespaces.kind))
      .map(({ metadata: { labels = {}, name = '' } }) => [
        name,
        { 'kubernetes.io/metadata.name': name, ...labels },
      ]),
  );
}

function isOf(object: KubeObject, kind: string): boolean {
  return object.kind === kind && knownKind(object) !== undefined;
}
