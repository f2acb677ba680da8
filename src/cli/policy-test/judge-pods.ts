import { formatDuration } from '../../api/duration.ts';
import { isPkiError } from '../../pki/index.ts';
import { type KnownPolicy, Policies, type PolicyJudge, type PolicyRequest } from '../../policy/index.ts';
import { ToolError } from '../../runtime/tool.ts';
import { admitPod } from './injection/admit-pod.ts';
import { annotationFault } from './injection/annotation-fault.ts';
import { untouchedNamespaces } from './injection/settings.ts';
import { podCertificatesOf } from './pod-certificates-of.ts';
import { type PlannedPod, podOf } from './pods-of.ts';
import type { Manifest } from './read-manifests.ts';
import { askedFor, type VolumeResult } from './report.ts';
import { type RequestOptions, requestsOf } from './requests-of.ts';
import { type Scene, sceneOf } from './scene.ts';
import { misplaced, notLookedAt, unlabelled } from './warnings.ts';

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
  /** Whose volumes counted: those that were given, and that of injection. */
  readonly driverNames: readonly string[];
}

/** What becomes of each volume of each pod. */
export async function judgePods(
  { others, policies, workloads }: TestInput,
  options: TestOptions,
): Promise<TestOutcome> {
  const { clusterDomain, namespace, trustDomain } = options;
  const scene = sceneOf([...workloads, ...others], namespace, options.driverNames);
  const driverNames = [...new Set([...options.driverNames, scene.injection.driver])];
  const judge = new Policies(
    { surroundings: { clusterDomain, trustDomain } },
    {
      list: () => policies,
      isBound: () => Promise.resolve(true),
      namespaceLabels: (name) => Promise.resolve(scene.namespaces.get(name)?.labels),
    },
  );
  const results = refusedNamespaces(scene);
  const namespaces: string[] = [];
  const warnings: string[] = [];
  for (const manifest of workloads) {
    const planned = podOf(manifest.object, namespace);
    if (planned === undefined) continue;
    warnings.push(...misplaced(manifest, planned, scene));
    const ofPod = await judgePod(planned, scene, judge, { ...options, driverNames });
    results.push(...ofPod);
    if (ofPod.length > 0) namespaces.push(planned.pod.metadata.namespace ?? '');
  }
  warnings.unshift(...unlabelled(namespaces, policies, scene));
  return { results, warnings: [...warnings, ...notLookedAt(workloads, driverNames)], driverNames };
}

async function judgePod(
  { origin, pod }: PlannedPod,
  { injection, namespaces, services }: Scene,
  judge: PolicyJudge,
  options: TestOptions,
): Promise<VolumeResult[]> {
  const { annotations = {} } = namespaces.get(pod.metadata.namespace ?? '') ?? {};
  const admission = admitPod(pod, annotations, injection);
  if (admission.outcome === 'refused') return [refused(origin, admission.message)];
  const asking = { ...options, services };
  const requests = possible(origin, () => [
    ...requestsOf(admission.pod, asking),
    ...podCertificatesOf(admission.pod, asking),
  ]);
  return Promise.all(
    requests.map(async (asked): Promise<VolumeResult> => {
      const { source, volume } = asked;
      const of = { origin, volume, source };
      if (asked.outcome === 'asks') return { ...of, ...(await decided(asked.request, judge)) };
      const { message, refusedBy } = asked;
      return { ...of, decision: 'invalid', refusedBy, message };
    }),
  );
}

/** Those whose annotations the API server would not take. */
function refusedNamespaces({ namespaces }: Scene): VolumeResult[] {
  return [...namespaces].flatMap(([name, { annotations }]) => {
    const fault = untouchedNamespaces.includes(name) ? undefined : annotationFault(annotations);
    return fault === undefined ? [] : [refused(`Namespace ${name}`, fault)];
  });
}

function refused(origin: string, message: string): VolumeResult {
  return { origin, volume: null, source: null, decision: 'invalid', refusedBy: 'admission', message };
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
): Promise<Omit<VolumeResult, 'origin' | 'volume' | 'source'>> {
  const decision = await judge.decide(request);
  const asks = askedFor(request);
  switch (decision.decision) {
    case 'approve':
      return { decision: 'approved', policy: decision.policy, asks, ...shorter(request, decision.duration) };
    case 'deny':
      return { decision: 'denied', message: decision.message, asks };
    case 'leave':
      return { decision: 'no-policy', message: decision.message, asks };
  }
}

function shorter({ certificate }: PolicyRequest, duration: number | undefined): { message?: string } {
  return duration === undefined || duration === certificate.duration
    ? {}
    : { message: `of the lifetime it allows ${formatDuration(duration)}` };
}
