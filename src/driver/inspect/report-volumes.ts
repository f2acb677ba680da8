import type * as nodeFs from 'node:fs';
import { join } from 'node:path';
import type { VolumeReport, VolumesReport } from '../../api/volume-report.ts';
import { podIdentityOf } from '../volume/identity.ts';
import { parseVolumeRecord, type VolumeRecord } from '../volume/state/volume-record.ts';
import { reportGenerations } from './report-generations.ts';

export interface InspectDependencies {
  readonly fs: Pick<typeof nodeFs, 'lstatSync' | 'readFileSync' | 'readdirSync' | 'readlinkSync'>;
}

/**
 * What the volumes hold that have a record. Only reads: the driver runs beside, so that a record may go, and a generation
 * may be removed, at any moment.
 *
 * @param podUid of the only pod to report
 */
export function reportVolumes(
  directory: string,
  podUid: string | undefined,
  deps: InspectDependencies,
): VolumesReport {
  const { fs } = deps;
  const volumes: VolumeReport[] = [];
  for (const name of fs.readdirSync(directory).sort()) {
    if (!name.endsWith('.json')) continue;
    const found = readRecord(join(directory, name), deps);
    if (found !== undefined && (podUid === undefined || found.pod.uid === podUid))
      volumes.push(reportVolume(found, deps));
  }
  return { version: 1, volumes };
}

interface RecordOfPod {
  readonly record: VolumeRecord;
  readonly pod: VolumeReport['pod'];
}

function readRecord(path: string, { fs }: InspectDependencies): RecordOfPod | undefined {
  try {
    const record = parseVolumeRecord(fs.readFileSync(path, 'utf8'));
    const { name, namespace, serviceAccount, uid } = podIdentityOf(record.context);
    return { record, pod: { namespace, name, uid, serviceAccount } };
  } catch {
    // Gone meanwhile, or one that the driver sets aside and logs itself.
    return undefined;
  }
}

function reportVolume({ pod, record }: RecordOfPod, deps: InspectDependencies): VolumeReport {
  const { request, targetPath, volumeId } = record;
  const base = { volumeId, targetPath, pod, request };
  try {
    return { ...base, ...reportGenerations(record, deps), problem: null };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { ...base, present: null, previous: null, problem };
  }
}
