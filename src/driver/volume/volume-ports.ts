import type { KeyObject } from 'node:crypto';
import type { Clock } from '../../kube/index.ts';
import type { Certificate, KeySpec } from '../../pki/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { DriverMetrics } from '../metrics.ts';
import type { AnchorSets } from '../trust/anchor-sets.ts';
import type { WorkloadApis } from '../workload-api/workload-apis.ts';
import type { VolumeFiles } from './files/volume-files.ts';
import type { Issuance } from './issuance/issuance.ts';
import type { VolumeMounts } from './mount/volume-mounts.ts';
import type { PodEvents } from './pod-events.ts';
import type { NodePods } from './pods/node-pods.ts';
import type { SubPathWarnings } from './pods/sub-path-warnings.ts';
import type { VolumeRecords } from './state/volume-records.ts';
import type { VolumeSpec } from './volume-spec.ts';
import type { VolumeSource } from './volumes.ts';

/** What the operations on volumes work with. */
export interface VolumePorts {
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly randomHex: () => string;
  /** @param podIps where they are known; a spec made without them must not be issued when it waits for them */
  readonly parseSpec: (source: VolumeSource, podIps?: readonly string[]) => VolumeSpec;
  readonly generateKey: (spec: KeySpec, signal: AbortSignal) => Promise<KeyObject>;
  /** From 0 to 1: by how much of what is allowed a certificate's renewal is brought forward. */
  readonly renewalSpread: (leaf: Certificate) => number;
  readonly readAnchors: (pem: string) => readonly Certificate[];
  readonly anchors: Pick<AnchorSets, 'state' | 'find' | 'whenMet'>;
  readonly mounts: VolumeMounts;
  readonly files: VolumeFiles;
  readonly records: VolumeRecords;
  readonly issuance: Pick<Issuance, 'obtain' | 'isAnswered' | 'whenAnswered'>;
  readonly pods: Pick<NodePods, 'unmet' | 'ips' | 'whenReady' | 'whenReaddressed' | 'whenSynced'>;
  readonly subPaths: Pick<SubPathWarnings, 'lookLater' | 'forget'>;
  /** Serves nothing where it is left out. */
  readonly workloadApis?: Pick<WorkloadApis, 'update' | 'close' | 'serves'>;
  readonly events: Pick<PodEvents, 'warn' | 'inform'>;
  readonly metrics: DriverMetrics;
  readonly log: Logger;
}
