import { formatDuration } from '../../api/duration.ts';
import { issuerText } from '../../api/issuer-reference.ts';
import { formatSubject } from '../../pki/index.ts';
import type { PolicyRequest } from '../../policy/index.ts';

/** What became of one volume, or of a pod or namespace that comes to none. */
export interface VolumeResult {
  /** `Deployment web/api`. */
  readonly origin: string;
  /** Null for what is refused as a whole. */
  readonly volume: string | null;
  readonly source: 'csi' | 'pod-certificate' | null;
  readonly decision: 'approved' | 'denied' | 'no-policy' | 'invalid';
  /** Of one that is invalid. */
  readonly refusedBy?: 'admission' | 'driver' | 'controller';
  /** That allows it. */
  readonly policy?: string;
  /** Why it is not approved, and what would have to be another way; or what it gets less than it asks for. */
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

const words = {
  approved: 'approved',
  denied: 'denied',
  'no-policy': 'nobody decides',
} as const;
const refusals: Readonly<Record<NonNullable<VolumeResult['refusedBy']>, string>> = {
  admission: 'refused by the API server',
  driver: 'refused by the driver',
  controller: 'refused by the controller',
};
const column = 15;

export function reportText(results: readonly VolumeResult[]): string {
  return results.map(resultText).join('\n');
}

function resultText(result: VolumeResult): string {
  const { asks = {}, decision, message, origin, policy, refusedBy = 'driver', source, volume } = result;
  const by = policy === undefined ? '' : ` by ${policy}`;
  const what = source === 'pod-certificate' ? ', pod certificate in volume' : ', volume';
  const outcome = decision === 'invalid' ? refusals[refusedBy] : words[decision];
  const lines = [`${origin}${volume === null ? '' : `${what} ${volume}`}: ${outcome}${by}`];
  for (const [name, value] of Object.entries(asks))
    lines.push(`  ${name.padEnd(column)}${typeof value === 'string' ? value : value.join(', ')}`);
  if (message !== undefined) lines.push(`  ${message}`);
  if (decision === 'denied' || decision === 'no-policy')
    lines.push(
      `  To have it: change the ${source === 'csi' ? 'attributes of the volume' : 'projection'}, or let ${String(asks['requester'])} "use" a CertificateRequestPolicy that allows all of it.`,
    );
  return `${lines.join('\n')}\n`;
}

/** For programs: stable field names. */
export function reportJson(results: readonly VolumeResult[], warnings: readonly string[]): string {
  return `${JSON.stringify({ version: 1, volumes: results, warnings }, null, 2)}\n`;
}
