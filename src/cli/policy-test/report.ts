import { formatDuration } from '../../api/duration.ts';
import { issuerText } from '../../api/issuer-reference.ts';
import { formatSubject } from '../../pki/index.ts';
import type { PolicyRequest } from '../../policy/index.ts';

/** What became of one volume. */
export interface VolumeResult {
  /** `Deployment web/api`. */
  readonly origin: string;
  readonly volume: string;
  readonly decision: 'approved' | 'denied' | 'no-policy' | 'invalid';
  /** That allows it. */
  readonly policy?: string;
  /** Why it is not approved, and what would have to be another way. */
  readonly message?: string;
  /** What is asked for; not there when the attributes cannot be understood. */
  readonly asks?: Asked;
}

/** What a volume asks for, in words; empty parts are left out. */
export type Asked = Readonly<Record<string, string | readonly string[]>>;

export function askedFor({ certificate, issuer, subject: requester }: PolicyRequest): Asked {
  const { altNames, duration, isCA, key, subject, usages } = certificate;
  const { dnsNames, emailAddresses, ipAddresses, uris } = altNames;
  const parts: Asked = {
    issuer: issuerText(issuer),
    requester: requester.username,
    subject: formatSubject(subject),
    uris,
    dnsNames,
    ipAddresses,
    emailAddresses,
    usages,
    duration: duration === undefined ? '' : formatDuration(duration),
    key: key.algorithm === 'Ed25519' ? key.algorithm : `${key.algorithm} ${key.size}`,
    isCA: isCA ? 'true' : '',
  };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value.length > 0));
}

const words: Readonly<Record<VolumeResult['decision'], string>> = {
  approved: 'approved',
  denied: 'denied',
  'no-policy': 'nobody decides',
  invalid: 'refused by the driver',
};
const column = 15;

export function reportText(results: readonly VolumeResult[]): string {
  return results.map(resultText).join('\n');
}

function resultText({ asks = {}, decision, message, origin, policy, volume }: VolumeResult): string {
  const by = policy === undefined ? '' : ` by ${policy}`;
  const lines = [`${origin}, volume ${volume}: ${words[decision]}${by}`];
  for (const [name, value] of Object.entries(asks))
    lines.push(`  ${name.padEnd(column)}${typeof value === 'string' ? value : value.join(', ')}`);
  if (message !== undefined) lines.push(`  ${message}`);
  if (decision === 'denied' || decision === 'no-policy')
    lines.push(
      `  To have it: change the attributes of the volume, or let ${String(asks['requester'])} "use" a CertificateRequestPolicy that allows all of it.`,
    );
  return `${lines.join('\n')}\n`;
}

/** For programs: stable field names. */
export function reportJson(results: readonly VolumeResult[], warnings: readonly string[]): string {
  return `${JSON.stringify({ version: 1, volumes: results, warnings }, null, 2)}\n`;
}
