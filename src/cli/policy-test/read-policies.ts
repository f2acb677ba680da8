import {
  type CertificateRequestPolicy,
  certificateRequestPolicies,
} from '../../api/certificate-request-policy.ts';
import { apiVersionOf, type KubeObject } from '../../kube/object.ts';
import { compile, defaultPolicy, type KnownPolicy } from '../../policy/index.ts';
import { ToolError } from '../../runtime/tool.ts';
import { isObject } from './read-manifests.ts';

/**
 * The policies among the objects, and the default one where none has its name.
 *
 * @throws {ToolError} that names what is wrong with a policy
 */
export function readPolicies(objects: readonly KubeObject[]): KnownPolicy[] {
  const policies = objects.filter(isPolicy);
  const names = new Set(policies.map(({ metadata }) => metadata.name));
  if (!names.has(defaultPolicy.metadata.name)) policies.push(defaultPolicy);
  return policies.map((policy) => {
    const { name = '' } = policy.metadata;
    const compilation = compile(policy);
    if (compilation.outcome === 'invalid') {
      const faults = compilation.faults.map(({ field, message }) => `${field}: ${message}`);
      throw new ToolError(`CertificateRequestPolicy ${name} would not be ready: ${faults.join('; ')}`);
    }
    return { name, spec: policy.spec, compilation, readiness: 'ready' };
  });
}

function isPolicy(object: KubeObject): object is CertificateRequestPolicy {
  const { apiVersion, kind, metadata } = object;
  if (kind !== certificateRequestPolicies.kind || apiVersion !== apiVersionOf(certificateRequestPolicies))
    return false;
  const spec = 'spec' in object ? object.spec : undefined;
  if (!isObject(spec) || !isObject(spec['selector']))
    throw new ToolError(`CertificateRequestPolicy ${metadata.name ?? ''}: spec.selector must be given`);
  return true;
}
