import { parseSpiffeId } from '../../../pki/index.ts';
import { type PodIdentity, spiffeIdOf } from '../identity.ts';
import type { CertificateSpec, IssuerName, VolumeSpec } from '../volume-spec.ts';
import { AttributeReader } from './attribute-reader.ts';
import { readIssuer } from './certificate/issuer.ts';
import { readKey } from './certificate/key.ts';
import {
  isSpiffeUri,
  readDnsNames,
  readEmailAddresses,
  readIpAddresses,
  readUris,
} from './certificate/names.ts';
import { readSubject } from './certificate/subject.ts';
import { areUsagesOfSvid, readUsages } from './certificate/usages.ts';
import { collectAttributes } from './collect-attributes.ts';
import {
  type AttributeDefaults,
  type Compatibility,
  defaultsOf,
  type KeyAlgorithm,
} from './compatibility.ts';
import { variablesOf } from './expand-variables.ts';
import { readLayout } from './files/layout.ts';
import { requestAnnotations } from './foreign-attributes.ts';
import { readStart } from './gates.ts';
import { readTrust } from './trust.ts';

export const shortestDuration = 60_000;

/** gid_t -1 means "leave it" to chown(2), so that the last one is no group. */
export const largestGroup = 4_294_967_294;

/** csi-driver-spiffe's approver decides on no request without it, and approves by the request itself. */
const spiffeIdentityAnnotation = 'spiffe.csi.cert-manager.io/identity';

export interface AttributeSurroundings {
  readonly pod: PodIdentity;
  readonly nodeName: string;
  readonly trustDomain: string;
  readonly compatibility: Compatibility;
  /** The issuer of volumes that name none; without it each has to. */
  readonly defaultIssuer: IssuerName | undefined;
  /** Of volumes that name none, milliseconds; undefined is that of the compatibility. */
  readonly defaultDuration: number | undefined;
  /** `volume_mount_group` of the call: the pod's fsGroup. */
  readonly mountGroup: number | undefined;
  /** The pod's addresses, its primary one first; undefined while they are not known. */
  readonly podIps: readonly string[] | undefined;
}

/**
 * @param context `volume_context` of NodePublishVolume: attributes of the pod spec and the kubelet's own keys
 * @throws {VolumeError} `invalid-attribute`, naming the attribute, its value and what is allowed
 */
export function parseAttributes(
  context: Readonly<Record<string, string>>,
  surroundings: AttributeSurroundings,
): Omit<VolumeSpec, 'volumeId' | 'targetPath'> {
  const { compatibility, mountGroup, nodeName, pod, podIps, trustDomain } = surroundings;
  const defaults = defaultsOf[compatibility];
  const attributes = collectAttributes(context, defaults.groups);
  const reader = new AttributeReader(attributes, variablesOf(pod, nodeName, trustDomain), podIps);

  const issuer = readIssuer(reader, surroundings.defaultIssuer);
  const key = readKey(reader, defaults);
  const certificate = readCertificate(reader, surroundings, defaults, key.spec.algorithm);
  const annotations = requestAnnotations(attributes.foreign, issuer.group, defaults);
  const [spiffeId] = certificate.uris.filter(isSpiffeUri);
  if (compatibility === 'csi-driver-spiffe' && spiffeId !== undefined)
    annotations[spiffeIdentityAnnotation] = spiffeId;
  const trust = readTrust(reader, spiffeId === undefined ? trustDomain : parseSpiffeId(spiffeId).trustDomain);
  return {
    pod,
    issuer,
    certificate,
    key,
    requestAnnotations: annotations,
    trust,
    ...readLayout(reader, trustDomain, trust, defaults),
    workloadApi: readWorkloadApi(reader, certificate, spiffeId),
    ...readStart(reader),
    group: reader.integer('fs-group', 1, largestGroup) ?? mountGroup,
    renewBefore: readRenewBefore(reader, certificate.duration, defaults),
  };
}

function readCertificate(
  reader: AttributeReader,
  { defaultDuration, pod, trustDomain }: AttributeSurroundings,
  defaults: AttributeDefaults,
  algorithm: KeyAlgorithm,
): CertificateSpec {
  const isCA = reader.boolean('is-ca') ?? false;
  const subject = readSubject(reader, isCA);
  const uris = readUris(reader, isCA);
  // A CA's SPIFFE ID has no path (X509-SVID §3.1), and so is not the pod's.
  const getsSpiffeId = uris.length === 0 && !isCA && defaults.spiffeId;
  const usages = readUsages(reader);
  return {
    subject,
    dnsNames: readDnsNames(reader),
    ipAddresses: readIpAddresses(reader),
    uris: getsSpiffeId ? [spiffeIdOf(pod, trustDomain)] : uris,
    emailAddresses: readEmailAddresses(reader),
    duration: reader.duration('duration', shortestDuration, '1m') ?? defaultDuration ?? defaults.duration,
    isCA,
    usages: usages.length > 0 ? usages : defaults.usages(algorithm, isCA),
  };
}

function readWorkloadApi(
  reader: AttributeReader,
  { isCA, usages }: CertificateSpec,
  spiffeId: string | undefined,
): boolean {
  const asked = reader.boolean('workload-api') ?? false;
  if (asked && (isCA || spiffeId === undefined))
    throw reader.refuse(
      'workload-api',
      'serves the SPIFFE ID of a workload: leave is-ca out, and set uri-sans to spiffe://${TRUST_DOMAIN}/ns/${POD_NAMESPACE}/sa/${SERVICE_ACCOUNT_NAME} or another SPIFFE ID',
    );
  if (asked && !areUsagesOfSvid(usages))
    throw reader.refuse(
      'key-usages',
      'workload-api needs digital signature, both or none of server auth and client auth, and neither cert sign nor crl sign: mend them, or leave key-usages out',
    );
  return asked;
}

function readRenewBefore(
  reader: AttributeReader,
  duration: number,
  { longRenewBefore }: AttributeDefaults,
): number | undefined {
  const renewBefore = reader.duration('renew-before', 1, '1ms');
  if (renewBefore === undefined || renewBefore < duration) return renewBefore;
  if (longRenewBefore) return undefined;
  throw reader.refuse('renew-before', 'must be shorter than the duration');
}
