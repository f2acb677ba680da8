export { backoffMs, type BackoffOptions } from './backoff.ts';
export {
  type Call,
  type CallOptions,
  KubeClient,
  type KubeClientDependencies,
  type KubeClientOptions,
  type QueryValue,
  type StreamOptions,
} from './client.ts';
export { aborted, type Clock, sleep, systemClock, type Timer } from './clock.ts';
export { type Connection, fileToken, inClusterConnection, type InClusterOptions } from './connection.ts';
export {
  isKubeError,
  isObjectMissing,
  isOutdated,
  KubeError,
  type KubeErrorOptions,
  type KubeFailure,
  type Status,
  type StatusDetails,
} from './errors.ts';
export { servedResources } from './discovery.ts';
export { Gate, type GateOptions } from './gate.ts';
export type { WatchEvent } from './http/watch-stream.ts';
export { kubeconfigConnection } from './kubeconfig.ts';
export {
  apiVersionOf,
  keyOf,
  keyText,
  keyTextOf,
  type KubeList,
  type KubeObject,
  type ObjectKey,
  type ObjectMeta,
  type OwnerReference,
  parseKey,
  type ResourceType,
} from './object.ts';
export {
  LeaderElector,
  type LeaderElectorDependencies,
  type LeaderElectorOptions,
} from './leader-election.ts';
export { type Lease, leases } from './lease.ts';
export { Reflector, type ReflectorDependencies, type ReflectorOptions } from './reflector.ts';
export {
  type ApplyOptions,
  type DeleteOptions,
  type ListQuery,
  type PatchOptions,
  Resource,
  type Selection,
  type WatchQuery,
  type WriteOptions,
} from './resource.ts';
export { ServedWatch, type ServedWatchDependencies, type ServedWatchOptions } from './served-watch.ts';
export type { Change } from './store.ts';
export { type Requeue, WorkQueue, type WorkQueueDependencies, type WorkQueueOptions } from './work-queue.ts';
