import type { ConditionUpdate } from '../../../api/condition.ts';
import { formatTime } from '../../../api/time.ts';
import type { Coverage } from '../coverage/node-coverage.ts';
import type { Reach } from './anchor-reach.ts';
import type { Rotation, RotationGate } from './rotation.ts';

/** What people are told of a rotation. */
export type RotationReport = Pick<ConditionUpdate, 'status'> & {
  readonly reason: 'Steady' | 'Spreading' | 'Held' | 'WaitingForTrust' | 'Draining' | 'NoRoom';
  readonly message: string;
};

export interface ReportedWorld {
  readonly now: number;
  readonly reach: Omit<Reach, 'isComplete'>;
  readonly gate: RotationGate | undefined;
  /** Why what the Secret says cannot be followed; undefined when it can. */
  readonly refusal: string | undefined;
  /** What is wrong with the annotations. */
  readonly problems: readonly string[];
}

export function rotationReport(rotation: Rotation, world: ReportedWorld): RotationReport {
  const report = reportOf(rotation, world);
  return { ...report, message: [report.message, ...world.problems].join('; ') };
}

function reportOf(rotation: Rotation, { gate, now, reach, refusal }: ReportedWorld): RotationReport {
  if (refusal !== undefined) {
    const message = `what the Secret says is not followed: ${refusal}`;
    return { status: 'True', reason: 'NoRoom', message };
  }
  switch (rotation.phase) {
    case 'steady':
      return { status: 'False', reason: 'Steady', message: 'one CA signs and is trusted' };
    case 'spreading': {
      const held = gate === 'hold';
      const until = held ? 'until it is let go' : untilText(reach, now);
      const message = `${trustedText(reach)}, the old one signs ${until}`;
      return { status: 'True', reason: held ? 'Held' : 'Spreading', message };
    }
    case 'waiting':
      return {
        status: 'True',
        reason: 'WaitingForTrust',
        message: `${trustedText(reach)}, and the key of the old one is gone: requests wait for at most a minute`,
      };
    case 'draining': {
      const until = formatTime(Math.max(...rotation.former.map((one) => one.until)));
      return {
        status: 'True',
        reason: 'Draining',
        message: `the new CA signs, older ones are trusted until ${until}`,
      };
    }
  }
}

/** As in "new CA is trusted on 3 of 5 nodes, and Bundle mesh lacks it". */
function trustedText({ coverage, lacking }: ReportedWorld['reach']): string {
  const trusted = coverage
    ? `new CA is trusted on ${coverageText(coverage)}`
    : 'it is not known which nodes trust the new CA';
  const [first, ...more] = lacking;
  if (first === undefined) return trusted;
  return `${trusted}, and ${first}${more.length > 0 ? ` and ${more.length} more` : ''}`;
}

function coverageText({ covered, nodes }: Coverage): string {
  return `${covered} of ${nodes} ${nodes === 1 ? 'node' : 'nodes'}`;
}

function untilText({ coverage, lacking, settledAt }: ReportedWorld['reach'], now: number): string {
  if (lacking.length > 0) return 'until it is everywhere';
  const isCovered = coverage && coverage.covered === coverage.nodes;
  return isCovered && settledAt > now
    ? `at least until ${formatTime(settledAt)}`
    : 'until it is on all of them';
}
