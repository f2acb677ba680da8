import { formatTime } from '../../../api/time.ts';
import { type Certificate, describeCertificate } from '../../../pki/index.ts';
import type { AnchorReport } from '../../../api/volume-report.ts';
import type { VolumeSpec } from '../volume-spec.ts';
import type { IssuedMaterial } from './render-generation.ts';

/** The JSON file about a generation, for applications and people. Fields are only ever added; see docs/formats.md. */
export function certificateInfo(
  spec: VolumeSpec,
  { anchors, chain: [leaf] }: IssuedMaterial,
  { generation, renewAt }: { readonly generation: number; readonly renewAt: number },
): string {
  const { dnsNames, emailAddresses, ipAddresses, uris } = leaf.altNames;
  const { group, kind, name } = spec.issuer;
  const { notAfter, notBefore, serialNumber, spiffeId, subject, ...leafOf } = describeCertificate(leaf);
  const info = {
    version: 1,
    generation,
    serialNumber,
    subject,
    names: { dnsNames, ipAddresses, uris, emailAddresses },
    spiffeId,
    notBefore: formatTime(notBefore),
    notAfter: formatTime(notAfter),
    renewAt: formatTime(renewAt),
    issuer: leafOf.issuer,
    issuerRef: { name, kind, group },
    fingerprint: leafOf.fingerprint,
    anchors: anchors.map(describeAnchor),
  };
  return `${JSON.stringify(info, undefined, 2)}\n`;
}

/** What is told of a trust anchor, here and in reports of a node's volumes. */
export function describeAnchor(anchor: Certificate): AnchorReport {
  const { fingerprint, notAfter, subject } = describeCertificate(anchor);
  return { subject, fingerprint, notAfter: formatTime(notAfter) };
}
