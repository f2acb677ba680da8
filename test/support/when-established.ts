import type { Condition } from '../../src/api/condition.ts';
import { isConditionTrue } from '../../src/api/condition.ts';
import type { KubeClient } from '../../src/kube/index.ts';
import { eventually } from './eventually.ts';

interface Definitions {
  readonly items: readonly { readonly status?: { readonly conditions?: Condition[] | null } }[];
}

const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Until objects of every CustomResourceDefinition can be made. At first their conditions are null. */
export async function whenEstablished(admin: Pick<KubeClient, 'request'>): Promise<void> {
  await eventually('the definitions to be established', async () => {
    const { items } = await admin.request<Definitions>({ method: 'GET', path });
    const established = items.filter(({ status }) =>
      isConditionTrue(status?.conditions ?? undefined, 'Established'),
    );
    return (items.length > 0 && established.length === items.length) || undefined;
  });
}
