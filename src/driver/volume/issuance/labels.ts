import { createHash } from 'node:crypto';

/** Marks on the CertificateRequests of the driver, by which it finds its own again. */
export const requestLabels = {
  /** Two drivers may serve one node, as in a move from one name to another: each sees its own requests only. */
  driver: 'csi.certmount.io/driver',
  node: 'csi.certmount.io/node',
  volume: 'csi.certmount.io/volume',
} as const;

export const requestAnnotations = {
  podUid: 'csi.certmount.io/pod-uid',
  volumeId: 'csi.certmount.io/volume-id',
} as const;

/** Kubernetes allows 63 characters in a label's value; a longer one keeps its head and gets a digest of the whole. */
export function labelValue(text: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text)) return text;
  const head = text
    .replace(/[^A-Za-z0-9-]/g, '-')
    .replace(/^-+/, '')
    .slice(0, 38);
  return `${head}${head === '' ? '' : '-'}${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
}
