/**
 * What keeps the containers of one pod from harming the driver, which serves every pod of the node. Every container that has
 * the volume can connect, and nothing is known of what runs in it.
 */
export interface WorkloadApiLimits {
  /** Of one volume at once. */
  readonly connections: number;
  /** Of all volumes at once. A volume's first two are let in even then, so that nobody takes the identity of others away. */
  readonly connectionsInAll: number;
  /** Of one volume at once. */
  readonly streams: number;
  readonly streamsOfConnection: number;
  /** Of one call, names and values. */
  readonly metadataBytes: number;
  /** Of one request; all that are known are empty. */
  readonly messageBytes: number;
  /** What is read from one volume's connections within a window; more closes the socket for `pauseMs`. */
  readonly trafficBytes: number;
  readonly trafficWindowMs: number;
  /** What a connection counts for, with nothing sent. */
  readonly connectionBytes: number;
  readonly pauseMs: number;
  /** A connection without a stream is closed after so long. */
  readonly idleMs: number;
  /** A connection on which nobody answers a ping is closed. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** A client needs one connection, one stream or two, and less than 1 KiB. */
export const workloadApiLimits: WorkloadApiLimits = {
  connections: 32,
  connectionsInAll: 256,
  streams: 64,
  streamsOfConnection: 8,
  metadataBytes: 4_096,
  messageBytes: 1_024,
  trafficBytes: 131_072,
  trafficWindowMs: 5_000,
  connectionBytes: 512,
  pauseMs: 30_000,
  idleMs: 300_000,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 20_000,
};
