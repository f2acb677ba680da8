import type { ClusterNetwork } from '../node/network.ts';
import { findFreePorts, randomLoopbackAddress } from '../process/free-ports.ts';

/** Where everything listens, and where the files are. */
export interface Layout {
  readonly dir: string;
  /** The API server's address and port. */
  readonly address: string;
  readonly port: number;
  /** On a loopback address always. */
  readonly etcdClientUrl: string;
  readonly etcdPeerUrl: string;
  readonly serviceRange: string;
  /** The Service `kubernetes` points to the API server; an endpoint on a loopback address is not allowed. */
  readonly publishEndpoint: boolean;
}

/** @param network when nodes can join; without it everything is on a loopback address */
export async function describeLayout(dir: string, network: ClusterNetwork | undefined): Promise<Layout> {
  const loopback = randomLoopbackAddress();
  const [client, peer, api] = (await findFreePorts(loopback, 3)) as [number, number, number];
  return {
    dir,
    address: network?.apiAddress ?? loopback,
    port: network ? 443 : api,
    etcdClientUrl: `http://${loopback}:${client}`,
    etcdPeerUrl: `http://${loopback}:${peer}`,
    serviceRange: network?.serviceRange ?? '10.96.0.0/24',
    publishEndpoint: network !== undefined,
  };
}
