import { driverFlags } from '../../driver/options.ts';
import { issuerFault } from '../../driver/volume/attributes/certificate/issuer.ts';
import type { IssuerName } from '../../driver/volume/volume-spec.ts';
import { checkClusterDomain } from '../../policy/index.ts';
import { type FlagValues, listFlag, textFlag, valueFlag } from '../../runtime/flags.ts';
import { FlagError } from '../../runtime/parse-flags.ts';
import { exitCodes, type Tool, ToolError, type ToolIo } from '../../runtime/tool.ts';
import { driverNamesFlag, textOutputFlag } from '../flags.ts';
import { judgePods } from './judge-pods.ts';
import { type Manifest, readManifests } from './read-manifests.ts';
import { isPolicy, readPolicies } from './read-policies.ts';
import { reportJson, reportText } from './report.ts';

const { defaultDuration, defaultIssuerGroup, defaultIssuerKind, defaultIssuerName, trustDomain } =
  driverFlags;

const flags = {
  filename: listFlag({
    placeholder: 'FILE',
    short: 'f',
    help: 'Pods, Deployments and other workloads, Services that select them, Namespaces, and CertificateRequestPolicies; a folder, or "-" for standard input.',
    required: true,
  }),
  policy: listFlag({
    placeholder: 'FILE',
    help: 'Further CertificateRequestPolicies. Each counts as if every service account might use it. The built-in default policy is always there, and serves pods that none of them selects.',
  }),
  service: listFlag({ placeholder: 'FILE', help: 'Further Services and Namespaces.' }),
  namespace: textFlag({
    placeholder: 'NAME',
    short: 'n',
    help: 'Of objects that name none.',
    default: 'default',
  }),
  trustDomain,
  clusterDomain: valueFlag<string>({
    placeholder: 'NAME',
    help: "Domain of the cluster's DNS, as the controller has it.",
    default: 'cluster.local',
    parse: checkClusterDomain,
    format: String,
  }),
  driverNames: driverNamesFlag,
  defaultIssuerName,
  defaultIssuerKind,
  defaultIssuerGroup,
  defaultDuration,
  output: textOutputFlag,
} as const;

export const policyTestTool: Tool<typeof flags> = {
  summary:
    'Tells without a cluster what pods ask for by volumes of the driver, annotations and pod certificates, whether the policies allow it, and what to change if not.',
  flags,
  notes: [
    'Exit codes: 0 all is approved, 1 something is not, 3 the files cannot be understood, 64 wrong usage.',
  ],
  async run({ values }, io) {
    const { clusterDomain, filename, namespace, output } = values;
    if (filename.length === 0) throw new FlagError('bad-value', '--filename: must name a file');
    const workloads = await readManifests(filename, io);
    const others = await readManifests(values.service, io);
    const policies = [...workloads, ...(await readPolicyFiles(values.policy, io))];
    const { driverNames, results, warnings } = await judgePods(
      { workloads, others, policies: readPolicies(policies) },
      {
        namespace,
        trustDomain: values.trustDomain,
        clusterDomain,
        driverNames: values.driverNames,
        defaultIssuer: defaultIssuerOf(values),
        defaultDuration: values.defaultDuration,
      },
    );
    if (results.length === 0)
      throw new ToolError(
        `${filename.join(', ')}: no pod has a volume of ${driverNames.join(', ')}, asks for one by annotation, or has a pod certificate of certmount.io`,
      );
    for (const warning of warnings) io.err(`${warning}\n`);
    io.out(output === 'json' ? reportJson(results, warnings) : reportText(results));
    return results.every(({ decision }) => decision === 'approved') ? exitCodes.fine : exitCodes.wrong;
  },
};

/** A file that was named for its policies has some. */
async function readPolicyFiles(paths: readonly string[], io: ToolIo): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const path of paths) {
    const policies = (await readManifests([path], io)).filter(isPolicy);
    if (policies.length === 0)
      throw new ToolError(`--policy: ${path}: there is no CertificateRequestPolicy in it`);
    manifests.push(...policies);
  }
  return manifests;
}

function defaultIssuerOf({
  defaultIssuerGroup: group,
  defaultIssuerKind: kind,
  defaultIssuerName: name,
}: FlagValues<typeof flags>): IssuerName | undefined {
  if (name === undefined) return undefined;
  const fault = issuerFault({ name, kind, group });
  if (fault !== undefined)
    throw new FlagError('bad-value', `--default-issuer-${fault.part}: ${fault.problem}`);
  return { name, kind, group };
}
