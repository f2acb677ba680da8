import { type Certificate, fingerprint, formatSubject } from '../../../pki/index.ts';
import type { VolumeSpec } from '../volume-spec.ts';
import type { IssuedMaterial } from './render-generation.ts';

/** The JSON file about a generation, for applications and people. Fields are only ever added; see docs/formats.md. */
export function certificateInfo(
  spec: VolumeSpec,
  { anchors, chain: [leaf] }: IssuedMaterial,
  { generation, renewAt }: { readonly generation: number; readonly renewAt: number },
): string {
  const { dnsNames, emailAddresses, ipAddresses, uris } = leaf.altNames;
  const { group, kind, name } = spec.issuer;
  const info = {
    version: 1,
    generation,
    // As `openssl x509 -serial` prints it.
    serialNumber: leaf.serialNumber.toUpperCase(),
    subject: formatSubject(leaf.subject),
    names: { dnsNames, ipAddresses, uris, emailAddresses },
    spiffeId: spiffeIdOf(uris),
    notBefore: toRfc3339(leaf.notBefore),
    notAfter: toRfc3339(leaf.notAfter),
    renewAt: toRfc3339(new Date(renewAt)),
    issuer: formatSubject(leaf.issuer),
    issuerRef: { name, kind, group },
    fingerprint: fingerprint(leaf.der),
    anchors: anchors.map(describeAnchor),
  };
  return `${JSON.stringify(info, undefined, 2)}\n`;
}

function describeAnchor(anchor: Certificate): Record<string, string> {
  return {
    subject: formatSubject(anchor.subject),
    fingerprint: fingerprint(anchor.der),
    notAfter: toRfc3339(anchor.notAfter),
  };
}

/** X509-SVID §2: exactly one URI. */
function spiffeIdOf(uris: readonly string[]): string | null {
  const [uri, ...others] = uris;
  return uri !== undefined && others.length === 0 && /^spiffe:/i.test(uri) ? uri : null;
}

/** In whole seconds, as certificates have them. */
function toRfc3339(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
