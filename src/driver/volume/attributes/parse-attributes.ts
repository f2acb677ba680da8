import { type PodIdentity, spiffeIdOf } from '../identity.ts';
import type { CertificateSpec, VolumeSpec } from '../volume-spec.ts';
import { AttributeReader } from './attribute-reader.ts';
import { collectAttributes } from './collect-attributes.ts';
import { variablesOf } from './expand-variables.ts';
import { readFileNames } from './file-names.ts';
import { readIssuer } from './issuer.ts';
import { readKey } from './key.ts';
import { readCommonName, readDnsNames, readIpAddresses, readUris } from './names.ts';
import { readUsages } from './usages.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

/** gid_t -1 means "leave it" to chown(2), so that the last one is no group. */
export const largestGroup = 4_294_967_294;

export interface AttributeSurroundings {
  readonly pod: PodIdentity;
  readonly nodeName: string;
  readonly trustDomain: string;
  /** `volume_mount_group` of the call: the pod's fsGroup. */
  readonly mountGroup: number | undefined;
}

/**
 * @param context `volume_context` of NodePublishVolume: attributes of the pod spec and the kubelet's own keys
 * @throws {VolumeError} `invalid-attribute`, naming the attribute, its value and what is allowed
 */
export function parseAttributes(
  context: Readonly<Record<string, string>>,
  surroundings: AttributeSurroundings,
): Omit<VolumeSpec, 'volumeId' | 'targetPath'> {
  const { pod, nodeName, trustDomain, mountGroup } = surroundings;
  const reader = new AttributeReader(collectAttributes(context), variablesOf(pod, nodeName, trustDomain));

  const issuer = readIssuer(reader);
  const key = readKey(reader);
  const certificate = readCertificate(reader, pod, trustDomain, key.spec.algorithm);
  const renewBefore = reader.duration('renew-before', 1, '1ms');
  if (renewBefore !== undefined && renewBefore >= certificate.duration) {
    throw reader.refuse('renew-before', 'must be shorter than the duration');
  }
  return {
    pod,
    issuer,
    certificate,
    key,
    files: readFileNames(reader),
    group: reader.integer('fs-group', 1, largestGroup) ?? mountGroup,
    renewBefore,
  };
}

function readCertificate(
  reader: AttributeReader,
  pod: PodIdentity,
  trustDomain: string,
  algorithm: string,
): CertificateSpec {
  const isCA = reader.boolean('is-ca') ?? false;
  const commonName = readCommonName(reader);
  const uris = readUris(reader, isCA);
  // A CA's SPIFFE ID has no path (X509-SVID §3.1), and so is not the pod's.
  if (isCA && commonName === undefined) throw reader.refuse('common-name', 'must be set when is-ca is true');
  return {
    commonName,
    dnsNames: readDnsNames(reader),
    ipAddresses: readIpAddresses(reader),
    uris: uris.length > 0 || isCA ? uris : [spiffeIdOf(pod, trustDomain)],
    duration: reader.duration('duration', minute, '1m') ?? day,
    isCA,
    usages: readUsages(reader, algorithm, isCA),
  };
}
