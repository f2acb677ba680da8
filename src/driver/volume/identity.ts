import { serviceAccountSpiffeId } from '../../api/service-account.ts';
import { VolumeError } from './volume-error.ts';

/** Who the volume is for, as the kubelet says (CSIDriver `podInfoOnMount`). */
export interface PodIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly serviceAccount: string;
}

const contextKeys = {
  name: 'csi.storage.k8s.io/pod.name',
  namespace: 'csi.storage.k8s.io/pod.namespace',
  uid: 'csi.storage.k8s.io/pod.uid',
  serviceAccount: 'csi.storage.k8s.io/serviceAccount.name',
} as const;

/** The kubelet overwrites these keys whatever the pod spec says, so that they can be trusted. */
export function podIdentityOf(context: Readonly<Record<string, string>>): PodIdentity {
  const fact = (key: string): string => {
    const value = context[key];
    if (value === undefined || value === '') {
      throw new VolumeError(
        'invalid-request',
        `volume_context["${key}"] must be set: the CSIDriver object needs podInfoOnMount: true`,
      );
    }
    return value;
  };
  return {
    name: fact(contextKeys.name),
    namespace: fact(contextKeys.namespace),
    uid: fact(contextKeys.uid),
    serviceAccount: fact(contextKeys.serviceAccount),
  };
}

/** Throws VolumeError for a pod that cannot have one. */
export function spiffeIdOf({ namespace, serviceAccount }: PodIdentity, trustDomain: string): string {
  try {
    return serviceAccountSpiffeId({ namespace, name: serviceAccount }, trustDomain);
  } catch (error) {
    throw new VolumeError('invalid-request', `the pod cannot have a SPIFFE ID: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
