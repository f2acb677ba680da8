import { refreshHintAnnotation, trustDomainAnnotation } from '../../../api/bundle.ts';
import type { Bundle } from '../../../api/bundle.ts';
import { parseDuration } from '../../../api/duration.ts';
import { ApiError } from '../../../api/errors.ts';
import { checkTrustDomain, isPkiError } from '../../../pki/index.ts';
import type { Certificate } from '../../../pki/index.ts';
import { gatherAnchors } from './gather-anchors.ts';
import type { GatheredAnchors, SourceContent } from './gather-anchors.ts';
import { sourceAnchors } from './kept-anchors.ts';
import type { KnownBefore, SourceAnchors } from './kept-anchors.ts';
import { targetContents } from './targets/formats.ts';
import { wantedTarget } from './targets/wanted-target.ts';
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
  readonly sources: SourceAnchors;
  /** What is published: the gathered ones, and those kept while a source fails. */
  readonly anchors: readonly Certificate[];
  readonly kept: number;
  /** The first time, in milliseconds since the epoch, at which one of what is published is no longer valid. */
  readonly changesAt: number | undefined;
  readonly targets: ResolvedTargets;
  readonly trustDomain?: string;
  readonly refreshHintSeconds?: number;
  readonly problems: readonly BundleProblem[];
}

export interface ResolvedTargets {
  /** Of which Bundle, in which version of its spec. */
  readonly of: string;
  readonly kinds: ReadonlyMap<TargetKind, WantedTarget>;
  readonly problems: readonly BundleProblem[];
}

export interface Resolving {
  readonly now: number;
  readonly secretTargets: boolean;
  /** What was published last, asked for only when a source fails of which nothing is known. */
  readonly published: KnownBefore['published'];
  /** What the Bundle came to the last time: trust stores are dear to make, and the same as long as it comes to the same. */
  readonly before: ResolvedBundle | undefined;
}

/** What a Bundle comes to. Pure. */
export function resolveBundle(
  bundle: Bundle,
  contents: readonly SourceContent[],
  { before, now, published, secretTargets }: Resolving,
): ResolvedBundle {
  const gathered = gatherAnchors(contents, now);
  const { sources } = bundle.spec;
  const counted = sourceAnchors(sources, gathered.given, { sources: before?.sources, published });
  const { anchors, changesAt } = gathered.failures.length === 0 ? gathered : allOf(counted, now);
  const targets = targetsOf(bundle, anchors, secretTargets, before);
  const problems: BundleProblem[] = [...targets.problems];
  return {
    gathered,
    sources: counted,
    anchors,
    kept: anchors.length - gathered.anchors.length,
    changesAt,
    targets,
    ...trustDomainOf(bundle, problems),
    ...refreshHintOf(bundle, problems),
    problems,
  };
}

function allOf(sources: SourceAnchors, now: number): GatheredAnchors {
  const certificates = [...sources.values()].flat();
  return gatherAnchors([{ state: 'certificates', name: 'sources', certificates }], now);
}

function targetsOf(
  bundle: Bundle,
  anchors: readonly Certificate[],
  secretTargets: boolean,
  before: ResolvedBundle | undefined,
): ResolvedTargets {
  const { uid = '', generation = 0 } = bundle.metadata;
  const of = `${uid}/${generation}`;
  if (before?.targets.of === of && sameCertificates(before.anchors, anchors)) return before.targets;
  const kinds = new Map<TargetKind, WantedTarget>();
  const problems: BundleProblem[] = [];
  if (anchors.length === 0) return { of, kinds, problems };
  const { configMap, secret, additionalFormats } = bundle.spec.target ?? {};
  if (secret !== undefined && !secretTargets) {
    const message = 'target.secret is not written: the controller runs without --secret-targets';
    problems.push({ reason: 'SecretTargetsDisabled', message });
  }
  if (configMap === undefined && (secret === undefined || !secretTargets)) return { of, kinds, problems };
  const contents = targetContents(anchors, additionalFormats);
  for (const message of contents.problems) problems.push({ reason: 'InvalidTarget', message });
  if (configMap !== undefined) kinds.set('ConfigMap', wantedTarget(bundle, 'ConfigMap', configMap, contents));
  if (secret !== undefined && secretTargets)
    kinds.set('Secret', wantedTarget(bundle, 'Secret', secret, contents));
  return { of, kinds, problems };
}

function sameCertificates(a: readonly Certificate[], b: readonly Certificate[]): boolean {
  return a.length === b.length && a.every(({ pem }, index) => pem === b[index]?.pem);
}

function trustDomainOf({ metadata }: Bundle, problems: BundleProblem[]): { trustDomain?: string } {
  const text = metadata.annotations?.[trustDomainAnnotation];
  if (text === undefined) return {};
  try {
    return { trustDomain: checkTrustDomain(text) };
  } catch (error) {
    if (!isPkiError(error)) throw error;
    const message = `annotation ${trustDomainAnnotation}: ${error.message}`;
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
  } catch (error) {
    // Said below, together with what is allowed.
    if (!(error instanceof ApiError)) throw error;
  }
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= longestHint)
    return { refreshHintSeconds: seconds };
  const message = `annotation ${refreshHintAnnotation}: ${JSON.stringify(text.slice(0, 64))} ${rule}`;
  problems.push({ reason: 'InvalidAnnotation', message });
  return {};
}
