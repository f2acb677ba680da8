import type { Pod, PodVolume, Service } from '../../api/core.ts';
import { checkPublishRequest } from '../../driver/csi/check-request.ts';
import type { NodePublishVolumeRequest__Output } from '../../driver/csi/generated/csi/v1/NodePublishVolumeRequest.ts';
import { parseAttributes } from '../../driver/volume/attributes/parse-attributes.ts';
import { passwordsOf } from '../../driver/volume/passwords.ts';
import { VolumeError } from '../../driver/volume/volume-error.ts';
import type { IssuerName } from '../../driver/volume/volume-spec.ts';
import {
  canonicalIp,
  type PolicyPod,
  policyPodOf,
  type PolicyRequest,
  serviceAccountSubject,
  type Surroundings,
} from '../../policy/index.ts';
import { compatibilityOf } from '../driver-names.ts';
import type { IdentitySource } from '../identities/identity-row.ts';

/** What one volume of a pod would ask for. */
export type VolumeRequest = {
  readonly volume: string;
  readonly source: Extract<IdentitySource, 'csi' | 'pod-certificate'>;
} & (
  | { readonly outcome: 'asks'; readonly request: PolicyRequest }
  /** Refused before a policy is asked. */
  | { readonly outcome: 'invalid'; readonly refusedBy: 'driver' | 'controller'; readonly message: string }
);

export interface RequestOptions extends Surroundings {
  /** Services of any namespaces. */
  readonly services: readonly Service[];
  /** Names of the drivers whose volumes count. */
  readonly driverNames: readonly string[];
  /** The driver's own, of volumes that name none. */
  readonly defaultIssuer: IssuerName | undefined;
  /** The same of the lifetime, milliseconds; undefined is that of the driver whose name the volume has. */
  readonly defaultDuration: number | undefined;
}

/** What the driver's volumes of the pod would ask for, by the driver's own reading of their attributes. */
export function requestsOf(pod: Pod, options: RequestOptions): VolumeRequest[] {
  const policyPod = policyPodOf(pod, options.services, options);
  const { volumes = [] } = pod.spec;
  return volumes.flatMap((volume) => requestOf(pod, volume, policyPod, options) ?? []);
}

function requestOf(
  { spec }: Pod,
  { csi, name: volume }: PodVolume,
  pod: PolicyPod,
  { defaultDuration, defaultIssuer, driverNames, trustDomain }: RequestOptions,
): VolumeRequest | undefined {
  if (csi === undefined || !driverNames.includes(csi.driver)) return undefined;
  const of = { volume, source: 'csi' } as const;
  try {
    const source = checkPublishRequest(publishRequest(csi, spec), kubeletDir);
    const { context, mountGroup } = source;
    const { certificate, issuer, key, keystores } = parseAttributes(context, {
      pod,
      nodeName: pod.nodeName,
      trustDomain,
      compatibility: compatibilityOf(csi.driver),
      defaultIssuer,
      defaultDuration,
      mountGroup,
      podIps: pod.ips,
    });
    passwordsOf({ keystores }, source);
    const { dnsNames, duration, emailAddresses, isCA, subject, uris, usages } = certificate;
    const ipAddresses = certificate.ipAddresses.map((ip) => canonicalIp(ip) ?? ip);
    return {
      ...of,
      outcome: 'asks',
      request: {
        namespace: pod.namespace,
        name: pod.name,
        issuer,
        subject: serviceAccountSubject(pod),
        pod,
        certificate: {
          subject,
          altNames: { dnsNames, ipAddresses, uris, emailAddresses },
          usages,
          isCA,
          duration,
          key: key.spec,
        },
      },
    };
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    return { ...of, outcome: 'invalid', refusedBy: 'driver', message: error.message };
  }
}

const kubeletDir = '/var/lib/kubelet';

/** What is in a Secret no file tells: it counts as one with a password for every key store. */
const standInSecret = { 'keystore-password': 'stand-in' };

/** What the kubelet would ask of the driver. */
function publishRequest(
  { fsType = '', nodePublishSecretRef, readOnly = false, volumeAttributes }: NonNullable<PodVolume['csi']>,
  { securityContext }: Pod['spec'],
): NodePublishVolumeRequest__Output {
  const group = securityContext?.fsGroup;
  return {
    volume_id: 'csi-0',
    target_path: `${kubeletDir}/pods/0/volumes/kubernetes.io~csi/volume/mount`,
    staging_target_path: '',
    publish_context: {},
    secrets: nodePublishSecretRef === undefined ? {} : standInSecret,
    readonly: readOnly,
    volume_capability: {
      access_type: 'mount',
      access_mode: { mode: 'SINGLE_NODE_WRITER' },
      mount: {
        fs_type: fsType,
        mount_flags: [],
        volume_mount_group: group === undefined ? '' : String(group),
      },
    },
    volume_context: { ...volumeAttributes, 'csi.storage.k8s.io/ephemeral': 'true' },
  };
}
