import type { CertificateDescription } from '../pki/index.ts';

/** What `certmount volumes` tells of a node, as JSON: the driver's image writes it and the command line reads it. No keys. */
export interface VolumesReport {
  readonly version: 1;
  readonly volumes: readonly VolumeReport[];
}

export interface VolumeReport {
  readonly volumeId: string;
  readonly targetPath: string;
  readonly pod: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly serviceAccount: string;
  };
  /** CertificateRequest of the present certificate. */
  readonly request: string;
  /** What readers see now; null before the first certificate. */
  readonly present: GenerationReport | null;
  /** What they saw before that; null after the first certificate. */
  readonly previous: GenerationReport | null;
  /** Why the volume cannot be read; null when it can. */
  readonly problem: string | null;
}

export interface GenerationReport extends Omit<CertificateDescription, 'notBefore' | 'notAfter'> {
  /** RFC 3339 in whole seconds, as all times here. */
  readonly writtenAt: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Null where the volume has no certificate.json, as in the place of another driver. */
  readonly renewAt: string | null;
  /** The trust anchors beside the certificate. */
  readonly anchors: readonly AnchorReport[];
}

export interface AnchorReport {
  readonly subject: string;
  readonly fingerprint: string;
  readonly notAfter: string;
}
