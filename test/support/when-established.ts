import type { ControlPlane } from '../cluster/control-plane.ts';
import { eventually } from './eventually.ts';

/**
 * Until objects of every CustomResourceDefinition can be made. kubectl gives up on one whose conditions are null, as they
 * are at first.
 */
export async function whenEstablished(cluster: ControlPlane): Promise<void> {
  const wait = ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'];
  await eventually('the definitions to be established', () => cluster.kubectl(wait));
}
