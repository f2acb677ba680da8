import { refreshHintAnnotation, trustDomainAnnotation } from '../../../api/bundle.ts';
import type { Bundle } from '../../../api/bundle.ts';
import { parseDuration } from '../../../api/duration.ts';
import { checkTrustDomain, isPkiError } from '../../../pki/index.ts';
import type { Certificate } from '../../../pki/index.ts';
import { gatherAnchors } from './gather-anchors.ts';
import type { GatheredAnchors, SourceContent } from './gather-anchors.ts';
import { targetKinds, wantedTarget } from './targets/wanted-target.ts';
import type { TargetKind, WantedTarget } from './targets/wanted-target.ts';

/** What keeps a Bundle from being all that it says; the rest of it is done all the same. */
export interface BundleProblem {
  readonly reason: ProblemReason;
  readonly message: string;
}

export type ProblemReason =
  | 'InvalidAnnotation'
  | 'InvalidTarget'
  | 'SecretTargetsDisabled'
  | 'ClusterTrustBundlesNotServed'
  | 'PublishFailed';

export interface ResolvedBundle {
  readonly gathered: GatheredAnchors;
  /** What is published: the gathered ones, and those kept while a source fails. */
  readonly anchors: readonly Certificate[];
  readonly kept: number;
  readonly targets: ReadonlyMap<TargetKind, WantedTarget>;
  readonly trustDomain?: string;
  readonly refreshHintSeconds?: number;
  readonly problems: readonly BundleProblem[];
}

export interface Resolving {
  readonly now: number;
  readonly secretTargets: boolean;
  /** What was published last, asked for only while a source fails. */
  readonly published: () => readonly Certificate[];
}

/** What a Bundle comes to. Pure. */
export function resolveBundle(
  bundle: Bundle,
  contents: readonly SourceContent[],
  { now, secretTargets, published }: Resolving,
): ResolvedBundle {
  const gathered = gatherAnchors(contents, now);
  const anchors = gathered.failures.length === 0 ? gathered.anchors : united(gathered, published(), now);
  const problems: BundleProblem[] = [];
  return {
    gathered,
    anchors,
    kept: anchors.length - gathered.anchors.length,
    targets: targetsOf(bundle, anchors, secretTargets, problems),
    ...trustDomainOf(bundle, problems),
    ...refreshHintOf(bundle, problems),
    problems,
  };
}

/** With nothing taken away: a source that is missing for a while must not end what is trusted because of it. */
function united(
  { anchors }: GatheredAnchors,
  published: readonly Certificate[],
  now: number,
): readonly Certificate[] {
  const certificates = [...anchors, ...published];
  return gatherAnchors([{ state: 'certificates', name: 'published', certificates }], now).anchors;
}

function targetsOf(
  bundle: Bundle,
  anchors: readonly Certificate[],
  secretTargets: boolean,
  problems: BundleProblem[],
): ReadonlyMap<TargetKind, WantedTarget> {
  const targets = new Map<TargetKind, WantedTarget>();
  if (anchors.length === 0) return targets;
  for (const kind of targetKinds) {
    if (kind === 'Secret' && !secretTargets) {
      if (bundle.spec.target?.secret === undefined) continue;
      const message = 'target.secret is not written: the controller runs without --secret-targets';
      problems.push({ reason: 'SecretTargetsDisabled', message });
      continue;
    }
    try {
      const wanted = wantedTarget(bundle, kind, anchors);
      if (wanted !== undefined) targets.set(kind, wanted);
    } catch (error) {
      if (!isPkiError(error)) throw error;
      problems.push({ reason: 'InvalidTarget', message: `target.additionalFormats: ${error.message}` });
    }
  }
  return targets;
}

function trustDomainOf({ metadata }: Bundle, problems: BundleProblem[]): { trustDomain?: string } {
  const text = metadata.annotations?.[trustDomainAnnotation];
  if (text === undefined) return {};
  try {
    return { trustDomain: checkTrustDomain(text) };
  } catch (error) {
    const message = `annotation ${trustDomainAnnotation}: ${error instanceof Error ? error.message : String(error)}`;
    problems.push({ reason: 'InvalidAnnotation', message });
    return {};
  }
}

/** Of the hint, in seconds. */
const longestHint = 24 * 60 * 60;

function refreshHintOf({ metadata }: Bundle, problems: BundleProblem[]): { refreshHintSeconds?: number } {
  const text = metadata.annotations?.[refreshHintAnnotation];
  if (text === undefined) return {};
  const rule = 'must be a duration of whole seconds from 1s to 24h, as in "5m"';
  let seconds = NaN;
  try {
    seconds = parseDuration(text) / 1000;
  } catch {
    // Said below, together with what is allowed.
  }
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= longestHint)
    return { refreshHintSeconds: seconds };
  const message = `annotation ${refreshHintAnnotation}: ${JSON.stringify(text.slice(0, 64))} ${rule}`;
  problems.push({ reason: 'InvalidAnnotation', message });
  return {};
}
