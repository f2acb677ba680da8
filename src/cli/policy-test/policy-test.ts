import { parseArgs } from 'node:util';
import { type Namespace, namespaces, type Service, services } from '../../api/core.ts';
import type { KubeObject } from '../../kube/object.ts';
import { checkTrustDomain, isPkiError } from '../../pki/index.ts';
import { Policies, type PolicyRequest } from '../../policy/index.ts';
import { InputError } from './input-error.ts';
import { podOf } from './pods-of.ts';
import { readManifests } from './read-manifests.ts';
import { readPolicies } from './read-policies.ts';
import { askedFor, reportJson, reportText, type VolumeResult } from './report.ts';
import { requestsOf } from './requests-of.ts';

export interface PolicyTestIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** "-" is standard input. */
  readFile(path: string): Promise<string>;
}

export const policyTestUsage = `Usage: certmount policy test -f FILE… [flags]

Says without a cluster what the driver's volumes of pods ask for, whether the policies allow it, and what to change if not.

  -f, --filename FILE       Pods, Deployments and other workloads, and Services that select them; "-" is standard input
      --policy FILE         CertificateRequestPolicies, as if every service account might use them. The built-in default
                            policy is always there, and serves pods that none of them selects
      --service FILE        Further Services, and Namespaces with their labels
  -n, --namespace NAME      Of objects that name none (default "default")
      --trust-domain NAME   As of the driver and the controller (default "cluster.local")
      --cluster-domain NAME As of the controller (default "cluster.local")
      --default-issuer NAME ClusterIssuer of volumes that name no issuer
  -o, --output FORMAT       text or json (default "text")

Exit code: 0 when all is approved, 1 when something is not, 2 when the input cannot be understood.
`;

const options = {
  filename: { type: 'string', short: 'f', multiple: true },
  policy: { type: 'string', multiple: true },
  service: { type: 'string', multiple: true },
  namespace: { type: 'string', short: 'n', default: 'default' },
  'trust-domain': { type: 'string', default: 'cluster.local' },
  'cluster-domain': { type: 'string', default: 'cluster.local' },
  'default-issuer': { type: 'string' },
  output: { type: 'string', short: 'o', default: 'text' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

/** `certmount policy test`; answers the exit code. */
export async function runPolicyTest(argv: readonly string[], io: PolicyTestIo): Promise<number> {
  try {
    const values = readFlags(argv);
    if (values.help) {
      io.stdout.write(policyTestUsage);
      return 0;
    }
    return await test(values, io);
  } catch (error) {
    // A pod that can have no SPIFFE ID, such as one in a namespace that no cluster could have.
    if (!(error instanceof InputError) && !isPkiError(error)) throw error;
    io.stderr.write(`${error.message}\n`);
    return 2;
  }
}

function readFlags(argv: readonly string[]): Values {
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true });
    checkTrustDomain(values['trust-domain']);
    if (values.output !== 'text' && values.output !== 'json')
      throw new Error(`--output ${JSON.stringify(values.output)} must be text or json`);
    if (!values.help && values.filename === undefined)
      throw new Error('-f must name a file with pods or other workloads');
    return values;
  } catch (error) {
    throw new InputError(`${(error as Error).message}\nSee certmount policy test --help.`);
  }
}

async function test(values: Values, io: PolicyTestIo): Promise<number> {
  const { filename = [], namespace, output, policy = [], service = [] } = values;
  const workloads = await readAll(filename, io);
  const all = [...workloads, ...(await readAll(service, io))];
  const policies = readPolicies(await readAll(policy, io));
  const labels = namespaceLabels(all);
  const surroundings = { trustDomain: values['trust-domain'], clusterDomain: values['cluster-domain'] };
  const judge = new Policies(
    { surroundings },
    {
      list: () => policies,
      isBound: () => Promise.resolve(true),
      namespaceLabels: (name) => Promise.resolve(labels.get(name)),
    },
  );
  const defaultIssuer = values['default-issuer'];
  const asking = {
    ...surroundings,
    services: servicesIn(all, namespace),
    defaultIssuer:
      defaultIssuer === undefined
        ? undefined
        : { name: defaultIssuer, kind: 'ClusterIssuer', group: 'cert-manager.io' },
  };

  const results: VolumeResult[] = [];
  const unlabelled = new Set<string>();
  for (const object of workloads) {
    const planned = podOf(object, namespace);
    if (planned === undefined) continue;
    const { origin, pod } = planned;
    const podNamespace = pod.metadata.namespace ?? '';
    if (!labels.has(podNamespace)) unlabelled.add(podNamespace);
    for (const asked of requestsOf(pod, asking)) {
      const { volume } = asked;
      results.push(
        asked.outcome === 'invalid'
          ? { origin, volume, decision: 'invalid', message: asked.message }
          : { origin, volume, ...(await decided(asked.request, judge)) },
      );
    }
  }
  if (results.length === 0) throw new InputError(`no volume of the driver is in ${filename.join(', ')}`);

  const warnings = policies.some(({ spec }) => spec.selector.namespace?.matchLabels !== undefined)
    ? [...unlabelled].map(
        (name) => `namespace ${name} is in no file: policies that select by labels do not apply to it`,
      )
    : [];
  for (const warning of warnings) io.stderr.write(`${warning}\n`);
  io.stdout.write(output === 'json' ? reportJson(results, warnings) : reportText(results));
  if (results.some(({ decision }) => decision === 'invalid')) return 2;
  return results.every(({ decision }) => decision === 'approved') ? 0 : 1;
}

async function decided(
  request: PolicyRequest,
  judge: Policies,
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

async function readAll(paths: readonly string[], io: PolicyTestIo): Promise<KubeObject[]> {
  const objects: KubeObject[] = [];
  for (const path of paths) {
    const text = await io.readFile(path).catch((error: unknown) => {
      throw new InputError(`${path}: ${(error as Error).message}`);
    });
    objects.push(...readManifests(path, text));
  }
  return objects;
}

function servicesIn(objects: readonly KubeObject[], namespace: string): Service[] {
  return objects
    .filter((object): object is Service => object.kind === services.kind && 'spec' in object)
    .map((service) => ({ ...service, metadata: { namespace, ...service.metadata } }));
}

function namespaceLabels(objects: readonly KubeObject[]): Map<string, Record<string, string>> {
  return new Map(
    objects
      .filter((object): object is Namespace => object.kind === namespaces.kind)
      .map(({ metadata: { labels = {}, name = '' } }) => [
        name,
        { 'kubernetes.io/metadata.name': name, ...labels },
      ]),
  );
}
