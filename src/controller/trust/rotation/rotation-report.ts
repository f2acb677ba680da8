import type { ConditionUpdate } from '../../../api/condition.ts';
import { formatTime } from '../../../api/time.ts';
import type { Coverage } from '../coverage/node-coverage.ts';
import type { Rotation, RotationGate } from './rotation.ts';

/** What people are told of a rotation. */
export type RotationReport = Pick<ConditionUpdate, 'status'> & {
  readonly reason: 'Steady' | 'Spreading' | 'Held' | 'WaitingForTrust' | 'Draining';
  readonly message: string;
};

export interface ReportedWorld {
  readonly coverage: Coverage;
  readonly gate: RotationGate | undefined;
  /** What is wrong with the annotations. */
  readonly problems: readonly string[];
  /** When the anchors will have been published for long enough; undefined when they have. */
  readonly settledAt: number | undefined;
}

export function rotationReport(rotation: Rotation, world: ReportedWorld): RotationReport {
  const report = reportOf(rotation, world);
  return { ...report, message: [report.message, ...world.problems].join('; ') };
}

/** As in "3 of 5 nodes". */
function coverageText({ covered, nodes }: Coverage): string {
  return `${covered} of ${nodes} ${nodes === 1 ? 'node' : 'nodes'}`;
}

function reportOf(rotation: Rotation, { coverage, gate, settledAt }: ReportedWorld): RotationReport {
  const trusted = `new CA is trusted on ${coverageText(coverage)}`;
  switch (rotation.phase) {
    case 'steady':
      return { status: 'False', reason: 'Steady', message: 'one CA signs and is trusted' };
    case 'spreading': {
      if (gate === 'hold') {
        return {
          status: 'True',
          reason: 'Held',
          message: `${trusted}, the old one signs until it is let go`,
        };
      }
      const complete = coverage.covered === coverage.nodes && settledAt !== undefined;
      const until = complete ? `at least until ${formatTime(settledAt)}` : 'until it is on all of them';
      return { status: 'True', reason: 'Spreading', message: `${trusted}, the old one signs ${until}` };
    }
    case 'waiting':
      return {
        status: 'True',
        reason: 'WaitingForTrust',
        message: `${trusted}, and the key of the old one is gone: requests wait for at most a minute`,
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
