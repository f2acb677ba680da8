import { type Pod, pods } from '../../api/core.ts';
import type { VolumeReport, VolumesReport } from '../../api/volume-report.ts';
import { isKubeError } from '../../kube/index.ts';
import type { DriverFlagValues } from '../flags.ts';
import { type Cluster, ExecError } from './cluster.ts';

/** Flags of the driver that say where its volumes' records are. */
const passedFlags = ['--endpoint', '--state-dir'];

/** What the driver of the pod's node knows of the pod's volumes, or why it could not be asked. */
export type DriverAnswer =
  | { readonly known: true; readonly volumes: readonly VolumeReport[] }
  | { readonly known: false; readonly why: string };

/** Runs `certmount volumes` in the driver's pod on the node of this pod. */
export async function askDriver(
  pod: Pod,
  flags: DriverFlagValues,
  cluster: Pick<Cluster, 'client' | 'exec'>,
  signal: AbortSignal,
): Promise<DriverAnswer> {
  const { nodeName } = pod.spec;
  if (nodeName === undefined) return { known: false, why: 'the pod has no node yet' };
  const namespace = flags.driverNamespace;
  try {
    const { items } = await cluster.client.resource(pods).list(
      {
        namespace,
        labelSelector: flags.driverSelector,
        fieldSelector: `spec.nodeName=${nodeName},status.phase=Running`,
      },
      { signal },
    );
    // One that ends may be seen beside the one that takes its place.
    const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const found = staying.map(programOf).find((program) => program !== undefined);
    if (found === undefined)
      return {
        known: false,
        why: `no running driver on node ${nodeName} in namespace ${namespace} with ${flags.driverSelector}`,
      };
    const { command, container, name } = found;
    const program = [...command, '--pod-uid', pod.metadata.uid ?? ''];
    const ask = (): Promise<string> => cluster.exec({ namespace, pod: name, container }, program, signal);
    // Between API server, kubelet and runtime a stream gets stuck now and then. The program only reads.
    const text = await ask().catch((error: unknown) => {
      if (error instanceof ExecError && error.reason === 'silent') return ask();
      throw error;
    });
    return { known: true, volumes: volumesOf(text) };
  } catch (error) {
    if (isKubeError(error, 'forbidden') || error instanceof ExecError)
      return { known: false, why: `the driver cannot be asked: ${(error as Error).message}` };
    throw error;
  }
}

/** Another version may print something else. */
function volumesOf(text: string): readonly VolumeReport[] {
  let report: Partial<VolumesReport> | null;
  try {
    report = JSON.parse(text) as Partial<VolumesReport> | null;
  } catch (error) {
    throw new ExecError('failed', 'it does not answer with JSON', { cause: error });
  }
  if (report?.version === 1 && Array.isArray(report.volumes)) return report.volumes;
  throw new ExecError('failed', 'it is of a version that answers differently');
}

interface DriverContainer {
  readonly name: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
}

/** The driver's own command line, with `volumes` in the place of `driver`: its image may have it anywhere. */
function programOf({
  metadata,
  spec,
}: Pod):
  { readonly name: string; readonly container: string; readonly command: readonly string[] } | undefined {
  const containers = (spec.containers ?? []) as readonly DriverContainer[];
  for (const { args = [], command = [], name } of containers) {
    const line = [...command, ...args];
    const at = line.indexOf('driver');
    if (at < 0) continue;
    const flags = line.slice(at + 1);
    return {
      name: metadata.name ?? '',
      container: name,
      command: [
        ...line.slice(0, at),
        'volumes',
        ...flags.flatMap((flag, index) => passed(flag, flags[index + 1])),
      ],
    };
  }
  return undefined;
}

function passed(flag: string, next: string | undefined): string[] {
  if (passedFlags.includes(flag)) return next === undefined ? [] : [flag, next];
  return passedFlags.some((name) => flag.startsWith(`${name}=`)) ? [flag] : [];
}
