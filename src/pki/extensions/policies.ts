import { DerReader } from '../der/reader.ts';
import { contextPrimitive } from '../der/tag.ts';

const policyConstraintsOid = '2.5.29.36';
/** certificatePolicies, policyMappings and inhibitAnyPolicy. */
const otherPolicyOids: ReadonlySet<string> = new Set(['2.5.29.32', '2.5.29.33', '2.5.29.54']);

/**
 * True for an extension about certificate policies that refuses nothing to whoever asks for no policy, as every TLS peer
 * does: only requireExplicitPolicy would (RFC 5280 §6.1.3 (f)), and policies are not evaluated here.
 */
export function isPolicyForNobody(oid: string, value: Buffer): boolean {
  if (otherPolicyOids.has(oid)) return true;
  if (oid !== policyConstraintsOid) return false;
  const document = new DerReader(value, 'the policy constraints');
  const fields = document.enter();
  document.end();
  return fields.nextTag !== contextPrimitive(0);
}
