import { pods } from '../../api/core.ts';
import { integerFlag, textFlag } from '../../runtime/flags.ts';
import { exitCodes, type Tool, ToolError } from '../../runtime/tool.ts';
import { connect } from '../cluster/connect.ts';
import { podName } from '../cluster/pod-name.ts';
import { clusterFlags, driverFlags, driverNamesFlag, textOutputFlag } from '../flags.ts';
import { podVolumes } from '../identity/pod-volumes.ts';
import { describeVerdict, verificationText } from './describe-verdict.ts';
import { certificatesOf, judge, type Verdict } from './judge.ts';
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
    'Exit codes: 0 it serves what is mounted (match), 1 an earlier one (stale), 2 another one (foreign),',
    '3 it could not be found out, 64 wrong usage. Needs the rights to port-forward to the pod and to exec into',
    "the driver's; without the latter what was issued is compared.",
  ],
  async run({ positionals: [written = ''], values }, io) {
    await using cluster = await connect(values);
    const namespace = values.namespace ?? cluster.namespace;
    const name = podName(written);
    const pod = await cluster.client.resource(pods).get({ namespace, name }, { signal: io.signal });
    const { bySubPath, volumes: mounted } = mountsOf(pod, values.container);
    const found = await podVolumes(pod, values, cluster, io.signal);
    const volumes = found.volumes
      .filter(({ volume }) => values.container === undefined || mounted.includes(volume.name))
      .map(certificatesOf);
    if (volumes.every((known) => known.mounted === undefined && known.issued === undefined)) {
      const why = found.driverSilent ?? found.requestsUnknown ?? 'the volume has no certificate yet';
      throw new ToolError(`there is nothing to compare with: ${why}`);
    }
    const { port, serverName } = values;
    const connection = await cluster.dial({ namespace, name }, port);
    const served = await servedCertificate(connection, { serverName, timeoutMs: handshakeMs });
    const verdict = judge(served, volumes);
    const unknown =
      found.driverSilent === null ? [] : [`What is mounted is not known: ${found.driverSilent}.`];
    const subject = { namespace, pod: name, port, bySubPath, unknown };
    const verification = describeVerdict(subject, served, volumes, verdict, io.now());
    io.out(values.output === 'json' ? `${JSON.stringify(verification)}\n` : verificationText(verification));
    return codes[verdict.result];
  },
};
