export const certManagerGroup = 'cert-manager.io';

/** Names the issuer of a request. */
export interface IssuerReference {
  name: string;
  /** Issuer when not set. */
  kind?: string;
  /** cert-manager.io when not set; another group is for a controller outside this product. */
  group?: string;
}

/** An {@link IssuerReference} with nothing left to default. */
export interface ResolvedIssuerReference {
  readonly name: string;
  readonly kind: string;
  readonly group: string;
}

/** The one place of the defaults: the CRD has none, so that objects read back as they were written. */
export function resolveIssuerReference(reference: IssuerReference): ResolvedIssuerReference {
  return {
    name: reference.name,
    kind: reference.kind === undefined || reference.kind === '' ? 'Issuer' : reference.kind,
    group: reference.group === undefined || reference.group === '' ? certManagerGroup : reference.group,
  };
}

/** "Issuer.cert-manager.io/name", for messages. */
export function issuerText(reference: IssuerReference): string {
  const { name, kind, group } = resolveIssuerReference(reference);
  return `${kind}.${group}/${name}`;
}
