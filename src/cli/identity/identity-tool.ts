import { pods } from '../../api/core.ts';
import { textFlag } from '../../runtime/flags.ts';
import { exitCodes, type Tool } from '../../runtime/tool.ts';
import { connect } from '../cluster/connect.ts';
import { podName } from '../cluster/pod-name.ts';
import { clusterFlags, driverFlags, driverNamesFlag, textOutputFlag } from '../flags.ts';
import { describeIdentity } from './describe-identity.ts';
import { podEvents } from './pod-events.ts';
import { podIdentities } from './pod-identities.ts';
import { identityText } from './print-identity.ts';

const flags = {
  ...clusterFlags,
  volume: textFlag({ placeholder: 'NAME', help: 'Only this volume of the pod.' }),
  ...driverFlags,
  driverNames: driverNamesFlag,
  output: textOutputFlag,
} as const;

export const identityTool: Tool<typeof flags> = {
  summary:
    'Shows the identity of a pod: the way of its certificate from the request to the volume, the certificate, what it trusts, when it is renewed, and what is wrong.',
  flags,
  positionals: ['POD'],
  notes: [
    'Exit codes: 0 no problems, 1 there are some, 3 it could not be found out, 64 wrong usage.',
    'What is mounted, and since when, is asked of the driver by exec into its pod; without that right the rest is shown.',
  ],
  async run({ positionals: [written = ''], values }, io) {
    await using cluster = await connect(values);
    const namespace = values.namespace ?? cluster.namespace;
    const name = podName(written);
    const pod = await cluster.client.resource(pods).get({ namespace, name }, { signal: io.signal });
    const [found, told] = await Promise.all([
      podIdentities(pod, values, cluster, io.signal),
      podEvents(pod.metadata.uid ?? '', namespace, values.driverNames, cluster, io.signal),
    ]);
    const now = io.now();
    const description = describeIdentity(pod, found, told, now);
    io.out(values.output === 'json' ? `${JSON.stringify(description)}\n` : identityText(description, now));
    return description.volumes.some(({ problems }) => problems.length > 0) ? exitCodes.wrong : exitCodes.fine;
  },
};
