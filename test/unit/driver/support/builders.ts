import type { UsageName } from '../../../../src/api/usages.ts';
import {
  type AttributeSurroundings,
  parseAttributes,
} from '../../../../src/driver/volume/attributes/parse-attributes.ts';
import { type PodIdentity, podIdentityOf } from '../../../../src/driver/volume/identity.ts';
import { VolumeError, type VolumeFailure } from '../../../../src/driver/volume/volume-error.ts';
import type { VolumeSpec } from '../../../../src/driver/volume/volume-spec.ts';
import type { VolumeSource } from '../../../../src/driver/volume/volumes.ts';

export const second = 1_000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

export const pod: PodIdentity = { name: 'api-0', namespace: 'web', uid: 'pod-uid-1', serviceAccount: 'api' };
export const nodeName = 'node-1';
export const driverName = 'csi.certmount.io';
export const trustDomain = 'cluster.local';

/** `volume_context` as the kubelet sends it. */
export function contextOf(attributes: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    'csi.storage.k8s.io/ephemeral': 'true',
    'csi.storage.k8s.io/pod.name': pod.name,
    'csi.storage.k8s.io/pod.namespace': pod.namespace,
    'csi.storage.k8s.io/pod.uid': pod.uid,
    'csi.storage.k8s.io/serviceAccount.name': pod.serviceAccount,
    'issuer-name': 'ca',
    ...attributes,
  };
}

export function sourceOf(
  targetPath: string,
  attributes: Readonly<Record<string, string>> = {},
  volumeId = 'csi-1',
): VolumeSource {
  const context = contextOf(attributes);
  return { volumeId, targetPath, context, mountGroup: undefined, seLinuxContext: undefined, secrets: {} };
}

export function parseSource(
  source: VolumeSource,
  podIps?: readonly string[],
  surroundings: Partial<AttributeSurroundings> = {},
): VolumeSpec {
  const { context, mountGroup, targetPath, volumeId } = source;
  const identity = podIdentityOf(context);
  return {
    volumeId,
    targetPath,
    ...parseAttributes(context, {
      pod: identity,
      nodeName,
      trustDomain,
      mountGroup,
      podIps,
      compatibility: 'none',
      defaultIssuer: undefined,
      defaultDuration: undefined,
      ...surroundings,
    }),
  };
}

/** The spec of a volume with these attributes. */
export function specOf(
  attributes: Readonly<Record<string, string>> = {},
  targetPath = '/target',
): VolumeSpec {
  return parseSource(sourceOf(targetPath, attributes));
}

export const mutualTls: readonly UsageName[] = ['digital signature', 'server auth', 'client auth'];

/** For assert.throws and assert.rejects: a VolumeError of this reason whose message has all of these. */
export function failure(
  reason: VolumeFailure,
  ...parts: readonly (string | RegExp)[]
): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof VolumeError) || error.reason !== reason) throw error;
    for (const part of parts) {
      const has = typeof part === 'string' ? error.message.includes(part) : part.test(error.message);
      if (!has)
        throw new Error(`${JSON.stringify(error.message)} does not say ${String(part)}`, { cause: error });
    }
    return true;
  };
}

/** A promise that somebody else settles; for work that is held up. */
export function gate(): { readonly opened: Promise<void>; open(): void; fail(error: unknown): void } {
  const { promise, reject, resolve } = Promise.withResolvers<void>();
  promise.catch(() => {});
  return { opened: promise, open: () => resolve(), fail: (error) => reject(error) };
}
