import type { IssuerName } from '../../volume-spec.ts';
import type { AttributeReader } from '../attribute-reader.ts';

/** RFC 1123 subdomain: what Kubernetes takes as the name of an object of a custom resource, and as a group. */
const subdomain = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const longestSubdomain = 253;
const kindName = /^[A-Za-z][A-Za-z0-9-]{0,62}$/;

/** @param byDefault the issuer of volumes that name none */
export function readIssuer(reader: AttributeReader, byDefault: IssuerName | undefined): IssuerName {
  const name = reader.expanded('issuer-name');
  if (name === undefined) return withoutName(reader, byDefault);
  const issuer = {
    name,
    kind: reader.text('issuer-kind') ?? 'Issuer',
    group: reader.text('issuer-group') ?? 'cert-manager.io',
  };
  const fault = issuerFault(issuer);
  if (fault !== undefined) throw reader.refuse(`issuer-${fault.part}`, fault.problem);
  return issuer;
}

/** Why there can be no such issuer; undefined when there can. */
export function issuerFault({
  group,
  kind,
  name,
}: IssuerName): { part: keyof IssuerName; problem: string } | undefined {
  if (!isSubdomain(name)) return { part: 'name', problem: 'is not a name that an issuer can have' };
  if (!isSubdomain(group)) return { part: 'group', problem: 'must be an API group such as cert-manager.io' };
  if (group === 'cert-manager.io' && kind !== 'Issuer' && kind !== 'ClusterIssuer') {
    return {
      part: 'kind',
      problem: 'must be Issuer or ClusterIssuer; an issuer of another project needs issuer-group too',
    };
  }
  return kindName.test(kind) ? undefined : { part: 'kind', problem: 'is not a kind' };
}

function withoutName(reader: AttributeReader, byDefault: IssuerName | undefined): IssuerName {
  if (byDefault === undefined)
    throw reader.refuse('issuer-name', 'must be set to the name of an Issuer or ClusterIssuer');
  for (const attribute of ['issuer-kind', 'issuer-group'] as const) {
    if (reader.isGiven(attribute))
      throw reader.refuse(attribute, "needs issuer-name: without it the driver's own default is used");
  }
  return byDefault;
}

/** Whether it is a name that an object of a custom resource can have. */
export function isSubdomain(text: string): boolean {
  return text.length <= longestSubdomain && subdomain.test(text);
}
