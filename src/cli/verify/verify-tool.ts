import { pods } from '../../api/core.ts';
import { integerFlag, textFlag } from '../../runtime/flags.ts';
import { exitCodes, type Tool, ToolError } from '../../runtime/tool.ts';
import { connect } from '../cluster/connect.ts';
import { podName } from '../cluster/pod-name.ts';
import { clusterFlags, driverFlags, driverNamesFlag, textOutputFlag } from '../flags.ts';
import { mountsUnknown } from '../identity/describe-identity.ts';
import { podIdentities, type PodIdentities } from '../identity/pod-identities.ts';
import { recordProblem } from '../identity/problems.ts';
import { describeVerdict, type Verification, verificationText } from './describe-verdict.ts';
import { certificatesOf, certificatesOfPodCertificate, judge, type Verdict } from './judge.ts';
import { mountsOf } from './mounts-of.ts';
import { servedCertificate } from './served-certificate.ts';

const flags = {
  port: integerFlag({
    placeholder: 'PORT',
    short: 'p',
    help: 'Port of the pod on which the process serves TLS.',
    min: 1,
    max: 65_535,
    required: true,
  }),
  ...clusterFlags,
  container: textFlag({
    placeholder: 'NAME',
    short: 'c',
    help: 'Only volumes that this container mounts.',
  }),
  volume: textFlag({ placeholder: 'NAME', help: 'Only this volume of the pod.' }),
  serverName: textFlag({ placeholder: 'NAME', help: 'Name to ask for by SNI. Default: none.' }),
  ...driverFlags,
  driverNames: driverNamesFlag,
  output: textOutputFlag,
} as const;

const handshakeMs = 10_000;

const codes: Readonly<Record<Verdict['result'], number>> = {
  match: exitCodes.fine,
  stale: exitCodes.wrong,
  foreign: exitCodes.foreign,
};

export const verifyTool: Tool<typeof flags> = {
  summary:
    'Proves a rotation: compares the certificate that a process serves on a port of its pod with the one in its volume and with the one that was issued.',
  flags,
  positionals: ['POD'],
  notes: [
    'Exit codes: 0 it serves what is mounted (match), 1 an earlier one (stale) or an expired one, 2 another one (foreign),',
    '3 it could not be found out, 64 wrong usage. Needs the rights to port-forward to the pod and to exec into',
    "the driver's; without the latter what was issued is compared.",
  ],
  async run({ positionals: [written = ''], values }, io) {
    await using cluster = await connect(values);
    const namespace = values.namespace ?? cluster.namespace;
    const name = podName(written);
    const pod = await cluster.client.resource(pods).get({ namespace, name }, { signal: io.signal });
    const { bySubPath, volumes: mounted } = mountsOf(pod, values.container);
    const found = await podIdentities(pod, values, cluster, io.signal);
    const identities = mountedBy(values.container, mounted, found);
    const volumes = [
      ...identities.volumes.map(certificatesOf),
      ...identities.podCertificates.map(certificatesOfPodCertificate),
    ];
    if (volumes.every((known) => known.mounted === undefined && known.issued === undefined))
      throw new ToolError(`there is nothing to compare with: ${whyNothing(identities)}`);
    const { port, serverName } = values;
    const signal = AbortSignal.any([io.signal, AbortSignal.timeout(handshakeMs)]);
    const connection = await cluster.dial({ namespace, name }, port, signal);
    const served = await servedCertificate(connection, { serverName, signal });
    const verdict = judge(served, volumes);
    const unknown = [
      ...(found.driverSilent === null ? [] : [`What is mounted is not known: ${found.driverSilent}.`]),
      ...found.requestsUnknown.map((why) => `What was issued is not known: ${why}.`),
      ...identities.volumes.flatMap((facts) => {
        const problem = recordProblem(pod, facts);
        return problem === undefined
          ? []
          : [`What is mounted in ${facts.volume.name} is not known: ${problem}.`];
      }),
      ...mountsUnknown(pod, identities).map((what) => `Not known: ${what}.`),
    ];
    const subject = { namespace, pod: name, port, bySubPath, unknown };
    const verification = describeVerdict(subject, served, volumes, verdict, io.now());
    io.out(values.output === 'json' ? `${JSON.stringify(verification)}\n` : verificationText(verification));
    return exitCodeOf(verification);
  },
};

/** Of what the pod has, what this container mounts. */
function mountedBy(
  container: string | undefined,
  mounted: readonly string[],
  found: PodIdentities,
): PodIdentities {
  if (container === undefined) return found;
  const volumes = found.volumes.filter(({ volume }) => mounted.includes(volume.name));
  const podCertificates = found.podCertificates.filter(({ source }) => mounted.includes(source.volume));
  if (volumes.length > 0 || podCertificates.length > 0) return { ...found, volumes, podCertificates };
  const names = [
    ...found.volumes.map(({ volume }) => volume.name),
    ...found.podCertificates.map(({ source }) => source.volume),
  ];
  throw new ToolError(`--container: ${JSON.stringify(container)} mounts none of ${names.join(', ')}`);
}

/** A certificate that has ended is no match for anything. */
export function exitCodeOf({ expired, result }: Pick<Verification, 'expired' | 'result'>): number {
  return expired && result === 'match' ? exitCodes.wrong : codes[result];
}

function whyNothing({ driverSilent, podCertificates, requestsUnknown, volumes }: PodIdentities): string {
  if (driverSilent !== null) return driverSilent;
  const [why] = requestsUnknown;
  if (why !== undefined) return why;
  return volumes.length > 0 || podCertificates.length === 0
    ? 'the volume has no certificate yet'
    : 'there is no PodCertificateRequest: the kubelet has not made it yet, or it is deleted, as Kubernetes does after a quarter of an hour';
}
