import { parseDuration } from '../../../api/duration.ts';
import { ApiError } from '../../../api/errors.ts';
import type { KubeObject } from '../../../kube/index.ts';
import { rotationGates } from './rotation.ts';
import type { RotationGate } from './rotation.ts';

const gateAnnotation = 'certmount.io/ca-rotation';
const reissueAnnotation = 'certmount.io/ca-rotation-reissue';

/** What an issuer's annotations ask for. */
export interface RotationWishes {
  readonly gate: RotationGate | undefined;
  /** Certificates are renewed when the new CA signs, spread over so long. */
  readonly reissueMs: number | undefined;
  /** What is wrong with them, for their author. */
  readonly problems: readonly string[];
}

/** A gate that is not understood holds: whoever wrote it wanted something else than the usual. */
export function rotationWishes({ metadata }: KubeObject): RotationWishes {
  const problems: string[] = [];
  const gateText = metadata.annotations?.[gateAnnotation];
  let gate: RotationGate | undefined;
  if (gateText !== undefined && gateText !== '') {
    gate = rotationGates.find((one) => one === gateText);
    if (gate === undefined) {
      const allowed = rotationGates.map((one) => `"${one}"`).join(', ');
      problems.push(
        `annotation ${gateAnnotation}: ${quoted(gateText)} must be one of ${allowed}; it holds until then`,
      );
      gate = 'hold';
    }
  }
  return { gate, reissueMs: reissueOf(metadata.annotations?.[reissueAnnotation], problems), problems };
}

function reissueOf(text: string | undefined, problems: string[]): number | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    const duration = parseDuration(text);
    if (duration >= 0 && duration <= longestReissueMs) return duration;
    problems.push(`annotation ${reissueAnnotation}: ${quoted(text)} must be from 0 to 720h`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    problems.push(`annotation ${reissueAnnotation}: ${error.message}`);
  }
  return undefined;
}

/** 30 days: longer than most certificates live. */
const longestReissueMs = 720 * 3_600_000;

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
