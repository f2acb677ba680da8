import type { ObjectKey } from '../../kube/index.ts';
import type { RequestProblem } from './problem.ts';

/** An approver's yes or no, on its way into the conditions. */
export interface Verdict {
  readonly reason: string;
  readonly message: string;
}

/** PEM. */
export interface Issued {
  readonly certificate: string;
  readonly ca?: string;
}

/** What one look at a request came to. Approval and result go into one status write. */
export type RequestOutcome =
  /** Nothing to write: final, or somebody else's. */
  | { readonly outcome: 'leave' }
  /** Nothing to write: no approver has spoken. The message says why the one here has not. */
  | { readonly outcome: 'unapproved'; readonly message: string }
  /** Nothing is known yet: what it waits for brings it back. */
  | { readonly outcome: 'hold' }
  /** The approver's word on a request that another controller signs. */
  | { readonly outcome: 'decided'; readonly decision: 'Approved' | 'Denied'; readonly verdict: Verdict }
  /** `verdict` is set when it was denied here, and not by another approver before. */
  | { readonly outcome: 'denied'; readonly verdict?: Verdict }
  | { readonly outcome: 'issued'; readonly approval?: Verdict; readonly issued: Issued }
  | {
      readonly outcome: 'problem';
      readonly approval?: Verdict;
      readonly problem: RequestProblem;
      readonly message: string;
      /** A Secret whose next change may mend it. */
      readonly awaits?: ObjectKey;
    };
