import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { KubeClient, type KubeObject, systemClock } from '../../src/kube/index.ts';
import { root } from '../../tools/run-command.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { whenEstablished } from './when-established.ts';

const workloads = new Set(['Deployment', 'DaemonSet', 'PodDisruptionBudget']);
const definition = 'CustomResourceDefinition';
/** Kustomize gives a namespace to what it does not know to have none. */
const namespaced = new Set(['Role', 'RoleBinding', 'Service', 'ServiceAccount']);

/**
 * All of `kubectl apply -k deploy` and `-k daemonset` but what runs: the test starts the programs itself. Created one by one,
 * because kubectl's checks against the API's description take seconds of a new API server.
 */
export async function installManifests(controlPlane: ControlPlane): Promise<void> {
  const texts = await Promise.all(
    ['deploy', 'daemonset'].map((base) => controlPlane.kubectl(['kustomize', join(root, base)])),
  );
  const objects = texts
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Manifest))
    .filter(({ kind }) => !workloads.has(kind));
  const connection = await controlPlane.connection('admin');
  const admin = new KubeClient(
    { connection, userAgent: 'certmount-test', maxSockets: 8 },
    { clock: systemClock, random: Math.random },
  );
  try {
    const { [definition]: definitions = [], Namespace = [], rest = [] } = Object.groupBy(objects, groupOf);
    await Promise.all([...definitions, ...uniqueByName(Namespace)].map((object) => create(admin, object)));
    await Promise.all(rest.map((object) => create(admin, object)));
    await whenEstablished(admin);
  } finally {
    admin.close();
  }
}

type Manifest = KubeObject & { readonly apiVersion: string; readonly kind: string };

function groupOf({ kind }: Manifest): string {
  return kind === definition || kind === 'Namespace' ? kind : 'rest';
}

/** Both bases bring the namespace. */
function uniqueByName(objects: readonly Manifest[]): readonly Manifest[] {
  return [...new Map(objects.map((object) => [object.metadata.name, object])).values()];
}

async function create(admin: KubeClient, body: Manifest): Promise<void> {
  await admin.request({ method: 'POST', path: collectionOf(body), body });
}

/** The plural of every kind here is regular. */
function collectionOf({ apiVersion, kind, metadata: { namespace } }: Manifest): string {
  const api = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = kind.toLowerCase().replace(/y$/, 'ie') + 's';
  return namespaced.has(kind) ? `${api}/namespaces/${namespace}/${plural}` : `${api}/${plural}`;
}
