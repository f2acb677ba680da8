import { VolumeError } from '../volume-error.ts';
import { unknownAttribute } from './collect-attributes.ts';
import type { AttributeDefaults } from './compatibility.ts';

/** cert-manager's Venafi issuers read an annotation of this group, whatever the group of the issuer. */
const venafiGroup = 'venafi.cert-manager.io';
/** Annotations by which controllers keep their own books on a request. */
const reservedKeys: ReadonlySet<string> = new Set([`${venafiGroup}/pickup-id`]);
const reservedGroup = /^(?:cert-manager\.io|spiffe\.csi\.cert-manager\.io|(?:.+\.)?certmount\.io)$/;

/** What Kubernetes takes as the key of an annotation. */
const annotationGroup = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const annotationName = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const longestGroup = 253;

/**
 * Annotations of the CertificateRequest, for issuers that are told by some what to do: the attributes of the group of
 * the volume's own issuer and of Venafi, or of every group, as cert-manager's csi-driver has it. Values are taken as
 * they are. What could be mistaken for a note of a controller or of this driver is refused.
 */
export function requestAnnotations(
  foreign: ReadonlyMap<string, string>,
  issuerGroup: string,
  { annotations, groups }: AttributeDefaults,
): Record<string, string> {
  for (const key of foreign.keys()) {
    const group = key.slice(0, key.indexOf('/'));
    if (reservedGroup.test(group) || reservedKeys.has(key)) {
      throw new VolumeError(
        'invalid-attribute',
        `${JSON.stringify(key.slice(0, 320))}: this annotation of a CertificateRequest is for controllers to set, not for volumes`,
      );
    }
    if (annotations === 'of-the-issuer' && group !== venafiGroup && group !== issuerGroup) {
      const allowed = [...groups, ...new Set([issuerGroup, venafiGroup])].filter(
        (name) => name !== 'cert-manager.io',
      );
      throw unknownAttribute(
        key,
        `its group must be one of ${allowed.join(', ')}, or left out; those of an issuer become annotations of the request`,
      );
    }
    const name = key.slice(group.length + 1);
    if (group.length > longestGroup || !annotationGroup.test(group) || !annotationName.test(name))
      throw unknownAttribute(key, 'it is no key that an annotation of the request can have');
  }
  return Object.fromEntries(foreign);
}
