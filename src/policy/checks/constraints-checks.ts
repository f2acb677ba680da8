import type { PolicyConstraints } from '../../api/certificate-request-policy.ts';
import { formatDuration, parseDuration } from '../../api/duration.ts';
import { ApiError } from '../../api/errors.ts';
import type { Check, CheckContext } from './check.ts';

const path = 'spec.constraints';
const largestSize = 8192;

export interface CompiledConstraints {
  readonly checks: readonly Check[];
  /** Milliseconds. */
  readonly maxDuration: number | undefined;
}

/** What the request must keep to, whatever it asks for. */
export function compileConstraints(
  constraints: PolicyConstraints,
  context: CheckContext,
): CompiledConstraints {
  const minDuration = read(constraints, 'minDuration', context);
  const maxDuration = read(constraints, 'maxDuration', context);
  const checks = [
    ...durationChecks(minDuration, maxDuration, context),
    ...keyChecks(constraints.privateKey ?? {}, context),
  ];
  return { checks, maxDuration };
}

function durationChecks(
  least: number | undefined,
  most: number | undefined,
  context: CheckContext,
): readonly Check[] {
  if (least !== undefined && most !== undefined && most < least)
    context.fault(`${path}.maxDuration`, 'must not be shorter than minDuration');
  return [
    durationCheck('minDuration', least, 'at least', ({ longest }, limit) => longest >= limit),
    durationCheck('maxDuration', most, 'at most', ({ shortest }, limit) => shortest <= limit),
  ];
}

function durationCheck(
  name: string,
  limit: number | undefined,
  words: string,
  isAllowed: (asked: { readonly shortest: number; readonly longest: number }, limit: number) => boolean,
): Check {
  return ({ request }) => {
    const { duration, shortestDuration: shortest = duration } = request.certificate;
    const asked =
      duration === undefined || shortest === undefined ? undefined : { shortest, longest: duration };
    if (limit === undefined || (asked && isAllowed(asked, limit))) return [];
    return [
      {
        field: 'duration',
        value: duration === undefined ? undefined : formatDuration(duration),
        allowed: `must be ${duration === undefined ? 'given, ' : ''}${words} ${formatDuration(limit)}`,
        rule: `${path}.${name}`,
      },
    ];
  };
}

function read(
  constraints: PolicyConstraints,
  name: 'minDuration' | 'maxDuration',
  { fault }: CheckContext,
): number | undefined {
  const text = constraints[name];
  if (text === undefined) return undefined;
  try {
    const duration = parseDuration(text);
    if (duration < 0) fault(`${path}.${name}`, `${text} must not be negative`);
    return duration;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    fault(`${path}.${name}`, error.message);
    return undefined;
  }
}

function keyChecks(
  { algorithm, maxSize, minSize }: NonNullable<PolicyConstraints['privateKey']>,
  { fault }: CheckContext,
): readonly Check[] {
  for (const [name, size] of Object.entries({ minSize, maxSize })) {
    const field = `${path}.privateKey.${name}`;
    if (size === undefined) continue;
    if (!Number.isInteger(size) || size < 0 || size > largestSize)
      fault(field, `${size} must be from 0 to ${largestSize}`);
    if (algorithm === 'Ed25519') fault(field, 'an Ed25519 key has no size: leave it out');
  }
  if (minSize !== undefined && maxSize !== undefined && maxSize < minSize)
    fault(`${path}.privateKey.maxSize`, 'must not be smaller than minSize');

  return [
    keyCheck('algorithm', `must be ${algorithm}`, (key) => algorithm === undefined || key === algorithm),
    keyCheck('minSize', `must have at least ${minSize} bits`, (_, size) => size >= (minSize ?? size)),
    keyCheck('maxSize', `must have at most ${maxSize} bits`, (_, size) => size <= (maxSize ?? size)),
  ];
}

function keyCheck(
  name: string,
  allowed: string,
  isAllowed: (algorithm: string, size: number) => boolean,
): Check {
  return ({ request }) => {
    const { key } = request.certificate;
    // approver-policy counts an Ed25519 key as smaller than any: with a least size it is refused.
    const size = key.algorithm === 'Ed25519' ? -1 : key.size;
    if (isAllowed(key.algorithm, size)) return [];
    const value = key.algorithm === 'Ed25519' ? key.algorithm : `${key.algorithm} ${key.size}`;
    return [{ field: 'key', value, allowed, rule: `${path}.privateKey.${name}` }];
  };
}
