import type { KubeClient, KubeObject, ResourceType } from '../../../../src/kube/index.ts';
import type { ControlPlane } from '../../../cluster/control-plane.ts';
import { eventually } from '../../../support/eventually.ts';

type PolicyKind = 'ValidatingAdmissionPolicy' | 'MutatingAdmissionPolicy';

const configMaps: ResourceType<KubeObject & { data?: Record<string, string> }> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

/**
 * Resolves when every policy of this kind that was applied before is in force: a last one is made that marks a ConfigMap, or
 * refuses it, and they take effect in their order.
 */
export async function settle(cluster: ControlPlane, admin: KubeClient, kind: PolicyKind): Promise<void> {
  const probe = { metadata: { namespace: 'default', name: `probe-${kind.toLowerCase()}` }, data: {} };
  const validates = kind === 'ValidatingAdmissionPolicy';
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const { name } = probe.metadata;
  await cluster.apply([
    {
      apiVersion,
      kind,
      metadata: { name },
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] },
          ],
        },
        matchConditions: [{ name: 'probe', expression: `object.metadata.name == '${name}'` }],
        ...(validates
          ? { validations: [{ expression: 'false', message: 'in force' }] }
          : {
              reinvocationPolicy: 'Never',
              mutations: [
                {
                  patchType: 'ApplyConfiguration',
                  applyConfiguration: { expression: "Object{data: {'state': 'in force'}}" },
                },
              ],
            }),
      },
    },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata: { name },
      spec: { policyName: name, ...(validates && { validationActions: ['Deny'] }) },
    },
  ]);
  const inForce = async (): Promise<true | undefined> => {
    const answer = await admin
      .resource(configMaps)
      .create(probe, { dryRun: true })
      .then(({ data }) => data?.['state'], String);
    return answer?.includes('in force') ? true : undefined;
  };
  await eventually(`every ${kind} to be in force`, inForce, 60_000);
}
