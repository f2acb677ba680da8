import type { Container, Pod } from '../../api/core.ts';
import { ToolError } from '../../runtime/tool.ts';

/** Of one container: which volumes it mounts, and which of them it will never see change. */
export interface ContainerMounts {
  readonly volumes: readonly string[];
  readonly bySubPath: readonly string[];
}

/**
 * @param container all containers when undefined
 * @throws {ToolError} when the pod has no such container
 */
export function mountsOf(pod: Pod, container: string | undefined): ContainerMounts {
  const { containers = [], initContainers = [] } = pod.spec;
  const all: readonly Container[] = [...containers, ...initContainers];
  const chosen = all.filter(({ name }) => container === undefined || name === container);
  if (chosen.length === 0) {
    const names = all.map(({ name }) => name).join(', ');
    throw new ToolError(`--container: the pod has no ${JSON.stringify(container)}; there are ${names}`);
  }
  const mounts = chosen.flatMap(({ volumeMounts = [] }) => volumeMounts);
  const whole = mounts.filter((mount) => (mount.subPath ?? mount.subPathExpr ?? '') === '');
  return {
    volumes: mounts.map(({ name }) => name),
    bySubPath: mounts
      .filter(({ name }) => !whole.some((mount) => mount.name === name))
      .map(({ name }) => name),
  };
}
