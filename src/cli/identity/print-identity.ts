import { nameOf } from '../describe-leaf.ts';
import { oneLine } from '../output/one-line.ts';
import { distanceText, durationText } from '../output/time-text.ts';
import type { IdentityDescription, VolumeDescription } from './describe-identity.ts';

/** For people. */
export function identityText(description: IdentityDescription, now: number): string {
  const { namespace, node, pod, serviceAccount, unknown, volumes } = description;
  return [
    `Pod ${namespace}/${pod}, service account ${serviceAccount}, node ${node ?? 'none yet'}`,
    ...volumes.flatMap((volume) => ['', ...volumeLines(volume, now)]),
    ...unknown.flatMap((text) => ['', `Not known: ${text}`]),
    '',
  ]
    .map(oneLine)
    .join('\n');
}

function volumeLines(volume: VolumeDescription, now: number): string[] {
  const { events, identity, mounted, nextRenewal, problems, timeline } = volume;
  const title =
    identity.source === 'pod-certificate'
      ? `Volume ${identity.name}, pod certificate of ${identity.issuer}`
      : `Volume ${identity.name} of ${identity.driver}`;
  const when = (time: string | null): string =>
    time === null ? '-' : `${time} (${distanceText(Date.parse(time), now)})`;
  const rows: [string, string][] = [
    ['Identity', nameOf({ ...identity, subject: identity.subject ?? '-' })],
    ['State', identity.state === 'unrecorded' ? `unrecorded: ${identity.message}` : identity.state],
    ['Issuer', identity.issuer ?? '-'],
    ['Request', identity.object ?? '-'],
    ['Serial', identity.serialNumber ?? '-'],
    ['Valid from', when(identity.notBefore)],
    ['Expires', when(identity.notAfter)],
    ['Renewal', when(nextRenewal)],
  ];
  if (identity.dnsNames.length > 0) rows.push(['DNS names', identity.dnsNames.join(', ')]);
  for (const { notAfter, subject } of mounted?.anchors ?? [])
    rows.push(['Trust anchor', `${subject}, until ${notAfter}`]);
  return [
    title,
    ...rows.map(([name, text]) => `  ${`${name}:`.padEnd(14)}${text}`),
    '  Timeline (whole seconds):',
    ...timeline.map(
      ({ at, step, tookMs }) =>
        `    ${step.padEnd(10)}${at ?? '-'}${tookMs === null ? '' : `   +${durationText(tookMs)}`}`,
    ),
    ...section('Problems', problems),
    ...section(
      'Events',
      events.map(
        ({ at, count, note, reason, type }) =>
          `${at}  ${type}  ${reason}  ${note}${count > 1 ? ` (${count} times)` : ''}`,
      ),
    ),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`  ${title}:`, ...lines.map((text) => `    ${text}`)];
}
