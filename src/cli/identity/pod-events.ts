import { type Event, events } from '../../api/core.ts';
import { isKubeError } from '../../kube/index.ts';
import type { Cluster } from '../cluster/cluster.ts';

/** Something that was told of the pod. */
export interface ToldEvent {
  /** The last time; RFC 3339. */
  readonly at: string;
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  /** How many times. */
  readonly count: number;
}

const controllerName = 'certmount.io/controller';

/** What drivers, controller and kubelet told of this pod, the oldest first; none where Events may not be listed. */
export async function podEvents(
  uid: string,
  namespace: string,
  driverNames: readonly string[],
  { client }: Pick<Cluster, 'client'>,
  signal: AbortSignal,
): Promise<ToldEvent[]> {
  try {
    const query = { namespace, fieldSelector: `regarding.uid=${uid}` };
    const { items } = await client.resource(events).list(query, { signal });
    return toldEvents(items, driverNames);
  } catch (error) {
    if (isKubeError(error, 'forbidden')) return [];
    throw error;
  }
}

export function toldEvents(items: readonly Event[], driverNames: readonly string[]): ToldEvent[] {
  const tellers = [...driverNames, controllerName];
  return items
    .filter(
      ({ reason, reportingController }) => tellers.includes(reportingController) || reason === 'FailedMount',
    )
    .map((event) => {
      const { deprecatedCount, note = '', reason, series, type } = event;
      return { at: lastTimeOf(event), type, reason, note, count: series?.count ?? deprecatedCount ?? 1 };
    })
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** The kubelet's Events are of the older API, which has another field for it. */
function lastTimeOf({ deprecatedLastTimestamp, eventTime, metadata, series }: Event): string {
  return series?.lastObservedTime ?? deprecatedLastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '';
}
