import { runProgram } from '../process/run-program.ts';

/** Where a cluster with nodes lives: a bridge of its own, and routes between the nodes. Nothing leads out of it. */
export interface ClusterNetwork {
  readonly bridge: string;
  /** The bridge's own address: the nodes' gateway. */
  readonly gateway: string;
  /**
   * The API server's address. It is the first of the service range, which is the cluster IP of the Service
   * `kubernetes`, so that pods reach the API server by the usual environment without any kube-proxy.
   */
  readonly apiAddress: string;
  readonly serviceRange: string;
  readonly dnsAddress: string;
  /** All of the cluster's addresses. */
  readonly range: string;
}

export interface NodeNetwork {
  readonly address: string;
  readonly podRange: string;
}

/** Nodes of one cluster at most; the rest of its eight /24 are for the bridge and for services. */
export const maxNodes = 6;

/**
 * Takes the first free slice of 198.18.0.0/15, the range of RFC 2544 for tests on isolated networks. The kernel
 * refuses a second interface of a name: that makes the choice safe against another harness.
 *
 * @param alias of the bridge, by which it is found to be removed: the cluster's directory
 */
export async function createClusterNetwork(alias: string): Promise<ClusterNetwork> {
  const taken = await runProgram('ip', ['-oneline', 'link', 'show']);
  for (let slot = 0; slot < slots; slot++) {
    const network = describeNetwork(slot);
    if (taken.includes(` ${network.bridge}: `)) continue;
    // In one go: it is done to the end even when this process is killed.
    const batch = [
      `link add name ${network.bridge} type bridge`,
      `link set ${network.bridge} alias ${alias}`,
      `address add ${network.gateway}/24 dev ${network.bridge}`,
      `address add ${network.apiAddress}/32 dev ${network.bridge}`,
      `link set ${network.bridge} up`,
    ];
    try {
      await runProgram('ip', ['-batch', '-'], { input: `${batch.join('\n')}\n` });
    } catch (error) {
      if (String(error).includes('File exists')) continue;
      throw error;
    }
    return network;
  }
  throw new Error(
    `all ${slots} networks for test clusters are taken; see \`npm run cluster -- status --all\``,
  );
}

export function describeNetwork(slot: number): ClusterNetwork {
  const prefix = (third: number): string => `198.${18 + Math.floor(slot / 32)}.${(slot % 32) * 8 + third}`;
  return {
    bridge: `certmount${slot}`,
    gateway: `${prefix(0)}.1`,
    apiAddress: `${prefix(7)}.1`,
    serviceRange: `${prefix(7)}.0/24`,
    dnsAddress: `${prefix(7)}.10`,
    range: `${prefix(0)}.0/21`,
  };
}

/** @param index of the node in its cluster, from 0 to {@link maxNodes} - 1 */
export function describeNode(network: ClusterNetwork, index: number): NodeNetwork {
  const [first, second, third] = network.gateway.split('.').map(Number) as [number, number, number];
  return {
    address: `${first}.${second}.${third}.${10 + index}`,
    podRange: `${first}.${second}.${third + 1 + index}.0/24`,
  };
}

const slots = 64;
