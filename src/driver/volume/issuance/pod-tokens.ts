import type { Clock } from '../../../kube/index.ts';
import { VolumeError } from '../volume-error.ts';
import type { Volumes, VolumeSource } from '../volumes.ts';

/** Where the kubelet puts the tokens: into `secrets` with CSIDriver `serviceAccountTokenInSecrets`, else into the context. */
const tokensKey = 'csi.storage.k8s.io/serviceAccount.tokens';
/** The API server's own audience, as `tokenRequests: [{ audience: "" }]` names it. */
const ownAudience = '';

interface Held {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Tokens of the pods' service accounts, as the kubelet hands them over with each publish. In memory only: after a restart of
 * the driver the kubelet's next publish brings them back, which it sends about every minute (CSIDriver `requiresRepublish`).
 */
export class PodTokens {
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();

  constructor(_options: Record<never, never>, dependencies: { readonly clock: Clock }) {
    this.#clock = dependencies.clock;
  }

  /** Takes what a publish brings. Without a token it keeps the one that it has, and never fails: the pod may have its files. */
  learn({ context, secrets, volumeId }: Pick<VolumeSource, 'context' | 'secrets' | 'volumeId'>): void {
    for (const [id, { expiresAt }] of this.#held) if (expiresAt <= this.#clock.now()) this.#held.delete(id);
    const found = readToken(secrets[tokensKey] ?? context[tokensKey]);
    if (found !== undefined) this.#held.set(volumeId, found);
  }

  forget(volumeId: string): void {
    this.#held.delete(volumeId);
  }

  /** @throws {VolumeError} `not-issued-yet` when there is none that lives */
  tokenOf(volumeId: string): string {
    const held = this.#held.get(volumeId);
    if (held !== undefined && held.expiresAt > this.#clock.now()) return held.token;
    throw new VolumeError(
      'not-issued-yet',
      "waits for the kubelet to hand over a token of the pod's service account with the next publish; " +
        'the CSIDriver object needs requiresRepublish: true and tokenRequests with audience ""',
    );
  }
}

/** The calls of the kubelet, which bring the tokens. One of a volume that is never unpublished goes when it expires. */
export function learnTokens(
  volumes: Pick<Volumes, 'publish' | 'unpublish'>,
  tokens: PodTokens,
): Pick<Volumes, 'publish' | 'unpublish'> {
  return {
    publish(source, signal) {
      tokens.learn(source);
      return volumes.publish(source, signal);
    },
    async unpublish(volumeId, targetPath, signal) {
      await volumes.unpublish(volumeId, targetPath, signal);
      tokens.forget(volumeId);
    },
  };
}

/** A JSON object from audience to token and time, as the kubelet writes it. */
function readToken(text: string | undefined): Held | undefined {
  if (text === undefined) return undefined;
  try {
    const tokens = JSON.parse(text) as Record<string, { token?: unknown; expirationTimestamp?: unknown }>;
    const { token, expirationTimestamp } = tokens[ownAudience] ?? {};
    const expiresAt = Date.parse(String(expirationTimestamp));
    return typeof token === 'string' && token !== '' && !Number.isNaN(expiresAt)
      ? { token, expiresAt }
      : undefined;
  } catch {
    // Not told: the parser's message quotes the text.
    return undefined;
  }
}
