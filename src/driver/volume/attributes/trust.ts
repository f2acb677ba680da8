import type { TrustSpec } from '../volume-spec.ts';
import type { AttributeReader } from './attribute-reader.ts';
import { isSubdomain } from './certificate/issuer.ts';

/** Each is a file, and a part of each answer of the Workload API. */
const mostFederated = 32;

/** @param trustDomain of the volume's SPIFFE ID */
export function readTrust(reader: AttributeReader, trustDomain: string): TrustSpec {
  const bundle = reader.expanded('trust-bundle');
  if (bundle !== undefined && !isSubdomain(bundle))
    throw reader.refuse('trust-bundle', 'is not a name that a Bundle can have');
  const federated = reader.list('federated-bundles');
  const [strange] = federated.filter((name) => !isSubdomain(name));
  if (strange !== undefined)
    throw reader.refuse(
      'federated-bundles',
      `${JSON.stringify(strange)} is not a name that a Bundle can have`,
    );
  if (federated.length > mostFederated)
    throw reader.refuse('federated-bundles', `must name at most ${mostFederated} Bundles`);
  if (bundle !== undefined && federated.includes(bundle))
    throw reader.refuse(
      'federated-bundles',
      `${JSON.stringify(bundle)} is the trust-bundle: only Bundles of other trust domains are federated`,
    );
  return { bundle, federated, trustDomain };
}
