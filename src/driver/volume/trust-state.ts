/** Which state of an anchor set lies in a volume. */
export interface AppliedSet {
  /** Name of the AnchorSet. */
  readonly set: string;
  /** As `anchorsHash` has it. */
  readonly hash: string;
  readonly sequence: number;
  readonly refreshHintSeconds: number | undefined;
  /** The volume has others beside these, which came with its certificate and may be newer. */
  readonly hasMore: boolean;
}

export interface FederatedSet extends AppliedSet {
  readonly trustDomain: string;
}

/** Where the anchors of a generation come from. It lies in the generation itself, so that it changes with them. */
export interface TrustState {
  /** When the certificate was written, which anchors that change do not move. Milliseconds since the epoch. */
  readonly issuedAt: number;
  /** undefined where the anchors are those that came with the certificate. */
  readonly own: AppliedSet | undefined;
  readonly federated: readonly FederatedSet[];
}

const version = 1;

export function formatTrustState(state: TrustState): string {
  return JSON.stringify({ version, ...state });
}

/** undefined for what is no such state, as in a volume that an earlier driver has written. */
export function parseTrustState(text: string | undefined): TrustState | undefined {
  const value = parseObject(text);
  if (value?.['version'] !== version || typeof value['issuedAt'] !== 'number') return undefined;
  const federated = Array.isArray(value['federated']) ? (value['federated'] as unknown[]) : [];
  return {
    issuedAt: value['issuedAt'],
    own: appliedSet(value['own']),
    federated: federated.flatMap((entry) => {
      const applied = appliedSet(entry);
      const { trustDomain } = (entry ?? {}) as Record<string, unknown>;
      return applied === undefined || typeof trustDomain !== 'string' ? [] : [{ ...applied, trustDomain }];
    }),
  };
}

function appliedSet(value: unknown): AppliedSet | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { hash, hasMore, refreshHintSeconds: hint, sequence, set } = value as Record<string, unknown>;
  if (typeof set !== 'string' || typeof hash !== 'string' || typeof sequence !== 'number') return undefined;
  const refreshHintSeconds = typeof hint === 'number' ? hint : undefined;
  return { set, hash, sequence, refreshHintSeconds, hasMore: hasMore === true };
}

function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
