import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageFile } from '../../cluster/images.ts';
import type { CertmountCluster } from '../../support/certmount-cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { namespace, workloadPod } from '../../support/pods.ts';

/** What a pod of workloads/mesh.mjs has seen. */
export interface Seen {
  /** Calls under way. */
  readonly calling: number;
  /** Handshakes that succeeded, as client and as server. */
  readonly called: number;
  readonly served: number;
  readonly failed: number;
  readonly resumed: number;
  /** Calls by who signed the certificates of the two ends: `OWN > PEER`. */
  readonly pairs: Readonly<Record<string, number>>;
  readonly leaves: readonly Leaf[];
  /** Each list of anchors, and since when it was in use, milliseconds since the epoch. */
  readonly anchors: readonly { readonly at: number; readonly pem: string }[];
  readonly failures: readonly string[];
}

export interface Leaf {
  /** Since when it was in use, milliseconds since the epoch. */
  readonly at: number;
  readonly serial: string;
  readonly signer: string;
  readonly notAfter: string;
}

interface Member {
  readonly uid: string;
  readonly address: string;
}

export const meshFiles: readonly ImageFile[] = [
  { from: join(import.meta.dirname, '../workloads/mesh.mjs'), to: '/mesh.mjs' },
];

const ns = 'mesh';
/** Each is to stay at some 40 MB. */
const command = ['node', '--max-old-space-size=32', '--max-semi-space-size=1', '/mesh.mjs'];
const environment = { EXPECTED_PEER: `spiffe://cluster.local/ns/${ns}/sa/default` };

export async function prepareMesh({ controlPlane, kubectl }: CertmountCluster): Promise<void> {
  await controlPlane.apply(namespace(ns));
  await eventually('the service account', () => kubectl('get', 'serviceaccount', '-n', ns, 'default'));
}

/** Pods that call each other all the time. */
export class Mesh {
  readonly #cluster: CertmountCluster;
  readonly #members: readonly Member[];

  private constructor(cluster: CertmountCluster, members: readonly Member[]) {
    this.#cluster = cluster;
    this.#members = members;
  }

  /** Resolves when all of them serve. */
  static async start(
    cluster: CertmountCluster,
    names: readonly string[],
    attributes: Readonly<Record<string, string>>,
  ): Promise<Mesh> {
    await cluster.controlPlane.apply(
      names.map((name) => workloadPod({ name, namespace: ns, attributes, command, environment })),
    );
    const pods = names.map((name) => `pod/${name}`);
    await cluster.kubectl('wait', '-n', ns, ...pods, '--for=condition=Ready', '--timeout=90s');
    const { items } = JSON.parse(await cluster.kubectl('get', 'pods', '-n', ns, '-o', 'json')) as PodList;
    const members = items
      .filter(({ metadata }) => names.includes(metadata.name))
      .map(({ metadata: { uid }, status: { podIP } }) => ({ uid, address: podIP }));
    const mesh = new Mesh(cluster, members);
    await eventually('all of them to serve', () => mesh.seen());
    return mesh;
  }

  get addresses(): readonly string[] {
    return this.#members.map(({ address }) => address);
  }

  /** Has each call every other one in turn, after such a pause; a mesh of one calls itself. */
  async begin(pauseMs: number): Promise<void> {
    const { addresses } = this;
    await this.#ask(({ address }) => {
      const others = addresses.filter((other) => other !== address);
      return { peers: others.length > 0 ? others : [address], pauseMs };
    });
  }

  /** @returns what was seen when the last call had ended */
  async end(): Promise<Seen[]> {
    await this.#ask(() => ({ peers: [], pauseMs: 0 }));
    return eventually('the calls under way to end', async () => {
      const all = await this.seen();
      return all.every(({ calling }) => calling === 0) ? all : undefined;
    });
  }

  seen(): Promise<Seen[]> {
    return this.#ask(() => undefined);
  }

  /** A file of each one's volume. */
  files(name: string): string[] {
    return this.paths(name).map((path) => readFileSync(path, 'utf8'));
  }

  /** As this machine's programs can open them. */
  paths(name: string): string[] {
    const { node } = this.#cluster;
    return this.#members.map(({ uid }) =>
      node.path(`${node.kubeletDir}/pods/${uid}/volumes/kubernetes.io~csi/certs/mount/${name}`),
    );
  }

  #ask(body: (member: Member) => object | undefined): Promise<Seen[]> {
    return Promise.all(
      this.#members.map(async (member) => {
        const order = body(member);
        const request = order === undefined ? {} : { method: 'POST', body: JSON.stringify(order) };
        const response = await fetch(`http://${member.address}:8080/`, request);
        return (await response.json()) as Seen;
      }),
    );
  }
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly uid: string };
    readonly status: { readonly podIP: string };
  }[];
}
