import type { Clock } from '../../../kube/index.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { EventRecorder } from '../../events/event-recorder.ts';
import { issuerKeyText } from '../../issuers/issuer-key.ts';
import type { IssuerKey } from '../../issuers/issuer-key.ts';
import type { AnyIssuer } from '../../issuers/issuer-states.ts';
import { rotationReport } from './rotation-report.ts';
import type { ReportedWorld, RotationReport } from './rotation-report.ts';
import type { Rotation } from './rotation.ts';

export interface RotationTellerDependencies {
  readonly clock: Pick<Clock, 'now'>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Logger;
  /** An issuer's condition should say this from now on. */
  readonly onReport: (key: IssuerKey, report: RotationReport) => void;
}

/** Each change of the condition is a write. */
const tellEveryMs = 5_000;
/** While nothing is signed each is one of every request that waits. */
const tellWaitingEveryMs = 20_000;

/** Tells people where rotations stand, and not more often than they can read it. */
export class RotationTeller {
  readonly #deps: RotationTellerDependencies;
  readonly #reports = new Map<string, { readonly report: RotationReport; readonly at: number }>();

  constructor(deps: RotationTellerDependencies) {
    this.#deps = deps;
  }

  /** What the issuer's condition should say; undefined when there is nothing to tell. */
  report(key: IssuerKey): RotationReport | undefined {
    return this.#reports.get(issuerKeyText(key))?.report;
  }

  /** The issuer has come to another phase, or another CA signs. */
  moved(key: IssuerKey, issuer: AnyIssuer, rotation: Rotation, world: ReportedWorld): void {
    this.#record(key, issuer, rotationReport(rotation, world));
  }

  /** @returns when there is more to tell, in milliseconds since the epoch */
  tell(key: IssuerKey, issuer: AnyIssuer, rotation: Rotation, world: ReportedWorld): number | undefined {
    const { clock, onReport } = this.#deps;
    const text = issuerKeyText(key);
    const report = rotationReport(rotation, world);
    const before = this.#reports.get(text);
    if (before?.report.reason === report.reason) {
      if (before.report.message === report.message) return undefined;
      const at = before.at + (report.reason === 'WaitingForTrust' ? tellWaitingEveryMs : tellEveryMs);
      if (clock.now() < at) return at;
    }
    if (report.reason === 'NoRoom' && before?.report.reason !== 'NoRoom') this.#record(key, issuer, report);
    this.#reports.set(text, { report, at: clock.now() });
    onReport(key, report);
    return undefined;
  }

  forget(key: IssuerKey): void {
    this.#reports.delete(issuerKeyText(key));
  }

  #record(key: IssuerKey, issuer: AnyIssuer, { reason, message }: RotationReport): void {
    const { events, log } = this.#deps;
    const event = reason === 'Steady' ? 'CARotationFinished' : `CARotation${reason}`;
    const type = reason === 'WaitingForTrust' || reason === 'NoRoom' ? 'Warning' : 'Normal';
    log.info({ issuer: issuerKeyText(key), reason: event }, message);
    events.record(issuer, key.kind, type, event, message);
  }
}
