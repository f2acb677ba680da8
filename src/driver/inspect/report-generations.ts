import { join } from 'node:path';
import { formatTime } from '../../api/time.ts';
import type { GenerationReport, VolumeReport } from '../../api/volume-report.ts';
import { type Certificate, describeCertificate, parseChain } from '../../pki/index.ts';
import { attributeGroups } from '../volume/attributes/known-attributes.ts';
import { describeAnchor } from '../volume/files/certificate-info.ts';
import { dataLink, generationTime } from '../volume/files/generation.ts';
import type { VolumeRecord } from '../volume/state/volume-record.ts';
import type { InspectDependencies } from './report-volumes.ts';

/** Where the files of another driver's layout, which has no certificate.json, hold what is looked for. */
const otherLayout = {
  chain: { attribute: 'certificate-file', file: 'tls.crt' },
  anchors: { attribute: 'ca-file', file: 'ca.crt' },
} as const;

/** The generation that readers see, and the one before it. */
export function reportGenerations(
  record: VolumeRecord,
  deps: InspectDependencies,
): Pick<VolumeReport, 'present' | 'previous'> {
  const { fs } = deps;
  const names = fs.readdirSync(record.targetPath);
  if (!names.includes(dataLink)) return { present: null, previous: null };
  const current = fs.readlinkSync(join(record.targetPath, dataLink));
  const [before] = names
    .filter((name) => name !== current && generationTime(name) !== undefined)
    .sort()
    .reverse();
  return {
    present: reportGeneration(record, current, deps),
    previous: before === undefined ? null : reportGeneration(record, before, deps),
  };
}

/** @returns null for a placeholder, and for one that is gone or half removed */
function reportGeneration(
  record: VolumeRecord,
  name: string,
  deps: InspectDependencies,
): GenerationReport | null {
  const read = (file: string): string | undefined => {
    try {
      return deps.fs.readFileSync(join(record.targetPath, name, file), 'utf8');
    } catch {
      return undefined;
    }
  };
  const writtenAt = formatTime(generationTime(name) ?? 0);
  const info = read('certificate.json');
  if (info !== undefined) return fromInfo(info, writtenAt);
  const nameOf = ({ attribute, file }: { attribute: string; file: string }): string =>
    [attribute, ...attributeGroups.map((group) => `${group}/${attribute}`)]
      .map((key) => record.context[key])
      .find((value) => value !== undefined && value !== '') ?? file;
  const [leaf] = certificatesOf(read(nameOf(otherLayout.chain)));
  if (leaf === undefined) return null;
  return fromCertificates(leaf, certificatesOf(read(nameOf(otherLayout.anchors))), writtenAt);
}

/** Of the driver's own file: see certificate-info.ts, where fields are only ever added. */
interface CertificateInfo extends Omit<GenerationReport, 'writtenAt' | 'dnsNames' | 'anchors'> {
  readonly names: { readonly dnsNames: readonly string[] };
  readonly renewAt: string;
  readonly anchors: GenerationReport['anchors'];
}

function fromInfo(text: string, writtenAt: string): GenerationReport {
  const info = JSON.parse(text) as CertificateInfo;
  const { anchors, fingerprint: digest, issuer, names, notAfter, notBefore, renewAt, serialNumber } = info;
  const { spiffeId, subject } = info;
  return {
    writtenAt,
    serialNumber,
    fingerprint: digest,
    subject,
    issuer,
    spiffeId,
    dnsNames: names.dnsNames,
    notBefore,
    notAfter,
    renewAt,
    anchors: anchors.map((anchor) => ({
      subject: anchor.subject,
      fingerprint: anchor.fingerprint,
      notAfter: anchor.notAfter,
    })),
  };
}

function fromCertificates(
  leaf: Certificate,
  anchors: readonly Certificate[],
  writtenAt: string,
): GenerationReport {
  const described = describeCertificate(leaf);
  return {
    ...described,
    writtenAt,
    notBefore: formatTime(described.notBefore),
    notAfter: formatTime(described.notAfter),
    renewAt: null,
    anchors: anchors.map(describeAnchor),
  };
}

function certificatesOf(pem: string | undefined): Certificate[] {
  try {
    return pem === undefined || pem === '' ? [] : parseChain(pem);
  } catch {
    return [];
  }
}
