import { join } from 'node:path';
import { formatTime } from '../../api/time.ts';
import type { GenerationReport, VolumeReport } from '../../api/volume-report.ts';
import { type Certificate, fingerprint, formatSubject, parseChain } from '../../pki/index.ts';
import { attributeGroups } from '../volume/attributes/known-attributes.ts';
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
  const [uri] = leaf.altNames.uris;
  return {
    writtenAt,
    serialNumber: leaf.serialNumber.toUpperCase(),
    fingerprint: fingerprint(leaf.der),
    subject: formatSubject(leaf.subject),
    issuer: formatSubject(leaf.issuer),
    spiffeId: uri?.startsWith('spiffe://') === true ? uri : null,
    dnsNames: leaf.altNames.dnsNames,
    notBefore: formatTime(leaf.notBefore.getTime()),
    notAfter: formatTime(leaf.notAfter.getTime()),
    renewAt: null,
    anchors: anchors.map((anchor) => ({
      subject: formatSubject(anchor.subject),
      fingerprint: fingerprint(anchor.der),
      notAfter: formatTime(anchor.notAfter.getTime()),
    })),
  };
}

function certificatesOf(pem: string | undefined): Certificate[] {
  try {
    return pem === undefined || pem === '' ? [] : parseChain(pem);
  } catch {
    return [];
  }
}
