/** The n-th time, counted from 1, that a fault point is reached. */
export interface Moment {
  readonly point: string;
  readonly nth: number;
}

export interface Reached {
  readonly point: string;
  /** Points of one number are reached without a turn of the event loop between them. */
  readonly run: number;
}

/** What a test tells the driver's process. */
export type Command =
  | { readonly type: 'kill-at'; readonly moment: Moment }
  /** Starts the count of what is reached anew. */
  | { readonly type: 'forget' }
  | { readonly type: 'report' }
  /** Sets the wall clock, and ends the driver's sleeps of at most `wakeMs`. */
  | { readonly type: 'clock'; readonly offsetMs: number; readonly wakeMs: number };

/** The one argument of the driver's process, as JSON. */
export interface DriverProcessOptions {
  readonly flags: readonly string[];
  readonly server: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly clockOffsetMs: number;
  /** From the start on. */
  readonly kill?: Moment;
}
