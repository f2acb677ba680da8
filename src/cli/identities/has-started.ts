import type { Pod } from '../../api/core.ts';

/** Whether a container has ever run. All wait until every volume of the pod is mounted. */
export function hasStarted({ status }: Pod): boolean {
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return containers
    .flatMap(({ lastState, state }) => [state, lastState])
    .some((state) => state?.running !== undefined || state?.terminated !== undefined);
}
