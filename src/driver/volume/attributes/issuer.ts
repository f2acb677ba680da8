import type { IssuerName } from '../volume-spec.ts';
import type { AttributeReader } from './attribute-reader.ts';

/** RFC 1123 subdomain: what Kubernetes takes as the name of an object of a custom resource, and as a group. */
const subdomain = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const longestSubdomain = 253;
const kindName = /^[A-Za-z][A-Za-z0-9-]{0,62}$/;

export function readIssuer(reader: AttributeReader): IssuerName {
  const name = reader.expanded('issuer-name');
  if (name === undefined)
    throw reader.refuse('issuer-name', 'must be set to the name of an Issuer or ClusterIssuer');
  if (!isSubdomain(name)) throw reader.refuse('issuer-name', 'is not a name that an issuer can have');
  const group = reader.text('issuer-group') ?? 'cert-manager.io';
  if (!isSubdomain(group))
    throw reader.refuse('issuer-group', 'must be an API group such as cert-manager.io');
  const kind = reader.text('issuer-kind') ?? 'Issuer';
  if (group === 'cert-manager.io' && kind !== 'Issuer' && kind !== 'ClusterIssuer') {
    throw reader.refuse(
      'issuer-kind',
      'must be Issuer or ClusterIssuer; an issuer of another project needs issuer-group too',
    );
  }
  if (!kindName.test(kind)) throw reader.refuse('issuer-kind', 'is not a kind');
  return { name, kind, group };
}

function isSubdomain(text: string): boolean {
  return text.length <= longestSubdomain && subdomain.test(text);
}
