import { formatTime } from './time.ts';

export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** One finding about an object. At most one of each type: the list is a map by type. */
export interface Condition {
  type: string;
  status: ConditionStatus;
  /** One CamelCase word, for programs. */
  reason?: string;
  /** For people. */
  message?: string;
  lastTransitionTime?: string;
  /** Issuers have it, CertificateRequests do not. */
  observedGeneration?: number;
}

/** What {@link setCondition} is told: the time of the transition is its own business. */
export type ConditionUpdate = Omit<Condition, 'lastTransitionTime'>;

export function getCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return getCondition(conditions, type)?.status === 'True';
}

/**
 * The conditions with this one in its place: where one of its type stood, else at the end.
 *
 * @param now milliseconds since the epoch; becomes lastTransitionTime when the status is another than before
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  update: ConditionUpdate,
  now: number,
): Condition[] {
  const present = conditions ?? [];
  const index = present.findIndex((condition) => condition.type === update.type);
  const previous = present[index];
  const unmoved = previous?.status === update.status ? previous.lastTransitionTime : undefined;
  const condition: Condition = { ...update, lastTransitionTime: unmoved ?? formatTime(now) };
  return previous === undefined ? [...present, condition] : present.with(index, condition);
}

/** Whether a write would change nothing: the same conditions, in any order, with the same transition times. */
export function sameConditions(
  a: readonly Condition[] | undefined,
  b: readonly Condition[] | undefined,
): boolean {
  const left = a ?? [];
  const right = b ?? [];
  return (
    left.length === right.length &&
    left.every((condition) => sameCondition(condition, getCondition(right, condition.type)))
  );
}

function sameCondition(a: Condition, b: Condition | undefined): boolean {
  return (
    a.status === b?.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.lastTransitionTime === b.lastTransitionTime &&
    a.observedGeneration === b.observedGeneration
  );
}
