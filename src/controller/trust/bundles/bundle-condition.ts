import type { Bundle } from '../../../api/bundle.ts';
import type { ConditionUpdate } from '../../../api/condition.ts';
import { selectorText } from '../../../api/label-selector.ts';
import { leftOutReasons } from './gather-anchors.ts';
import type { LeftOut, SourceFailure } from './gather-anchors.ts';
import type { BundleProblem, ResolvedBundle } from './resolve-bundle.ts';
import type { TargetFailure } from './targets/target-controller.ts';

/** As trust-manager has them, and further ones for what it does not tell apart. */
const failureReasons: Record<SourceFailure['reason'], string> = {
  'not-found': 'SourceNotFound',
  invalid: 'SourceInvalid',
  unavailable: 'SourceUnavailable',
};

/** Of what there may be many; the rest is counted. */
const shown = 3;
const maxMessageLength = 4096;

/**
 * The condition Synced.
 *
 * @param targetFailures by namespace
 * @param problems those of the Bundle, and of publishing it
 */
export function syncedCondition(
  bundle: Bundle,
  resolved: ResolvedBundle,
  targetFailures: ReadonlyMap<string, TargetFailure>,
  problems: readonly BundleProblem[],
): ConditionUpdate {
  const { generation } = bundle.metadata;
  const findings = [
    ...sourceFindings(resolved),
    ...problems.map(({ reason, message }) => ({ reason, message })),
    ...targetFindings(targetFailures),
  ];
  const leftOut = leftOutText(resolved.gathered.leftOut);
  const [first] = findings;
  const messages = [
    ...(first === undefined ? [syncedText(bundle)] : findings.map(({ message }) => message)),
    ...(leftOut === undefined ? [] : [leftOut]),
  ];
  return {
    type: 'Synced',
    status: first === undefined ? 'True' : 'False',
    reason: first?.reason ?? 'Synced',
    message: messages.join('; ').slice(0, maxMessageLength),
    ...(generation !== undefined && { observedGeneration: generation }),
  };
}

/** "Left out: 2 expired (CN=a; CN=b), 1 duplicate"; undefined when there is nothing to tell. */
export function leftOutText(leftOut: readonly LeftOut[]): string | undefined {
  const parts = leftOutReasons.flatMap((reason) => {
    const those = leftOut.filter((one) => one.reason === reason);
    if (those.length === 0) return [];
    // Of what is published all the same there is nothing to look for.
    if (reason === 'duplicate') return [`${those.length} duplicate`];
    const subjects = those
      .slice(0, shown)
      .map(({ subject, source }) => `${subject.slice(0, 200)} of ${source}`);
    return [`${those.length} ${reason} (${subjects.join('; ')}${those.length > shown ? '; …' : ''})`];
  });
  return parts.length === 0 ? undefined : `Left out: ${parts.join(', ')}`;
}

function sourceFindings({ gathered, anchors, kept }: ResolvedBundle): { reason: string; message: string }[] {
  const { failures } = gathered;
  const findings = failures
    .slice(0, shown)
    .map(({ reason, message }) => ({ reason: failureReasons[reason], message }));
  if (failures.length > shown) {
    findings.push({ reason: 'SourceInvalid', message: `${failures.length - shown} more sources fail` });
  }
  if (kept > 0) {
    const message = `${kept} certificates of before stay, because what a source gave stays while it fails`;
    findings.push({ reason: 'SourceInvalid', message });
  }
  if (anchors.length === 0) {
    findings.push({ reason: 'NoCertificates', message: 'no certificate is left, so nothing is changed' });
  }
  return findings;
}

function targetFindings(failures: ReadonlyMap<string, TargetFailure>): { reason: string; message: string }[] {
  if (failures.size === 0) return [];
  const sorted = [...failures].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const texts = sorted
    .slice(0, shown)
    .map(([namespace, { message }]) => `${namespace}: ${message.slice(0, 300)}`);
  const rest = sorted.length > shown ? ` and ${sorted.length - shown} more` : '';
  return [{ reason: 'SyncTargetFailed', message: `not written in namespaces ${texts.join('; ')}${rest}` }];
}

function syncedText({ spec }: Bundle): string {
  const { namespaceSelector, configMap, secret, clusterTrustBundle } = spec.target ?? {};
  const selector = selectorText(namespaceSelector ?? {});
  const places = [
    ...(configMap === undefined && secret === undefined
      ? []
      : [selector === '' ? 'all namespaces' : `namespaces that match ${selector}`]),
    ...(clusterTrustBundle === undefined ? [] : ['a ClusterTrustBundle']),
    'volumes',
  ];
  return `Synced to ${places.join(', ')}`;
}
