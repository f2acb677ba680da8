import type { KeyObject } from 'node:crypto';
import type { Clock } from '../../kube/index.ts';
import type { Certificate, KeySpec } from '../../pki/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { DriverMetrics } from '../metrics.ts';
import type { VolumeFiles } from './files/volume-files.ts';
import type { Issuance } from './issuance/issuance.ts';
import type { VolumeMounts } from './mount/volume-mounts.ts';
import type { PodEvents } from './pod-events.ts';
import type { VolumeRecords } from './state/volume-records.ts';

/** What the operations on volumes work with. */
export interface VolumePorts {
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly randomHex: () => string;
  readonly generateKey: (spec: KeySpec, signal: AbortSignal) => Promise<KeyObject>;
  readonly readAnchors: (pem: string) => readonly Certificate[];
  readonly mounts: VolumeMounts;
  readonly files: VolumeFiles;
  readonly records: VolumeRecords;
  readonly issuance: Pick<Issuance, 'obtain'>;
  readonly events: Pick<PodEvents, 'warn'>;
  readonly metrics: DriverMetrics;
  readonly log: Logger;
}
