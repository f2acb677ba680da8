import {
  type CertificateRequestPolicy,
  certificateRequestPolicies,
} from '../../api/certificate-request-policy.ts';
import { apiVersionOf } from '../../kube/object.ts';
import { compile, defaultPolicy, type KnownPolicy } from '../../policy/index.ts';
import { ToolError } from '../../runtime/tool.ts';
import { type Manifest, manifestText } from './read-manifests.ts';

/**
 * The policies among the objects, and the default one where none has its name.
 *
 * @throws {ToolError} that names what is wrong with a policy
 */
export function readPolicies(manifests: readonly Manifest[]): KnownPolicy[] {
  const policies = new Map<string, { readonly text: string; readonly policy: CertificateRequestPolicy }>();
  for (const manifest of manifests) {
    if (!isPolicy(manifest)) continue;
    const { name = '' } = manifest.object.metadata;
    const text = manifestText(manifest);
    const other = policies.get(name);
    if (other !== undefined) throw new ToolError(`${text}: there is one of this name in ${other.text}`);
    policies.set(name, { text, policy: manifest.object });
  }
  const defaultName = defaultPolicy.metadata.name ?? '';
  if (!policies.has(defaultName)) policies.set(defaultName, { text: defaultName, policy: defaultPolicy });
  return [...policies].map(([name, { policy, text }]) => {
    const compilation = compile(policy);
    if (compilation.outcome === 'invalid') {
      const faults = compilation.faults.map(({ field, message }) => `${field}: ${message}`);
      throw new ToolError(`${text} would not be ready: ${faults.join('; ')}`);
    }
    return { name, spec: policy.spec, compilation, readiness: 'ready' };
  });
}

/** Whether it is one; one of another version is a mistake, and no foreign object. */
export function isPolicy(
  manifest: Manifest,
): manifest is Manifest & { readonly object: CertificateRequestPolicy } {
  const { apiVersion, kind } = manifest.object;
  if (kind !== certificateRequestPolicies.kind) return false;
  const wanted = apiVersionOf(certificateRequestPolicies);
  if (apiVersion !== wanted)
    throw new ToolError(
      `${manifestText(manifest)}: apiVersion: ${JSON.stringify(apiVersion ?? '')} must be ${wanted}`,
    );
  return true;
}
