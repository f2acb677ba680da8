import { BlockList, isIPv6 } from 'node:net';
import type { Node, Pod, Service } from '../../../api/core.ts';
import type { Change } from '../../../kube/index.ts';
import { AddressIndex, canonicalIps } from './address-index.ts';

/** How far the addresses of others are looked into. */
export interface AddressLook {
  /** The node that the pod is on. */
  node(name: string): Promise<Node | undefined>;
  /** The other pod, which had the address when its watch last told of it; undefined when it is gone. */
  pod(other: Pod): Promise<Pod | undefined>;
}

/** More pods than these do not share an address by the chance of a moment. */
const mostHolders = 3;

/**
 * Which of the addresses in a pod's status are its own. Its kubelet writes there what it likes, so that nothing counts that
 * somebody else is known to have. What nobody has can still be claimed: the API has no other word for it.
 */
export class PodAddresses {
  readonly #pods = new AddressIndex(onPodNetwork);
  readonly #services = new AddressIndex(ofService);
  readonly #nodes = new AddressIndex((node: Node) => ofNode(node));
  readonly #ofNobody = ofNobody();

  readonly podChanged = (change: Change<Pod>): void => this.#pods.onChange(change);
  readonly serviceChanged = (change: Change<Service>): void => this.#services.onChange(change);
  readonly nodeChanged = (change: Change<Node>): void => this.#nodes.onChange(change);

  /** Canonical. */
  async own(pod: Pod, look: AddressLook): Promise<readonly string[]> {
    const own: string[] = [];
    for (const address of canonicalIps(ofPod(pod)))
      if (await this.#isOwn(pod, address, look)) own.push(address);
    return own;
  }

  async #isOwn(pod: Pod, address: string, look: AddressLook): Promise<boolean> {
    if (this.#ofNobody.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return false;
    if (this.#services.holders(address).length > 0) return false;
    if (!(await this.#isRightOfNode(pod, address, look))) return false;
    const others = this.#pods.holders(address).filter((other) => !isSame(other, pod));
    if (others.length > mostHolders) return false;
    const present = await Promise.all(others.map((other) => look.pod(other)));
    return !present.some(
      (other) => other && !hasEnded(other) && canonicalIps(ofPod(other)).includes(address),
    );
  }

  /** A pod on the host network has the internal addresses of its node, and any other none of any node. */
  async #isRightOfNode({ spec }: Pod, address: string, look: AddressLook): Promise<boolean> {
    const holders = this.#nodes.holders(address).map(({ metadata }) => metadata.name);
    if (spec.hostNetwork !== true) return holders.length === 0;
    const { nodeName = '' } = spec;
    if (holders.some((name) => name !== nodeName)) return false;
    const node = await look.node(nodeName);
    return node !== undefined && canonicalIps(ofNode(node, 'InternalIP')).includes(address);
  }
}

export function ofPod({ status }: Pod): readonly string[] {
  return [...(status?.podIPs ?? []).map(({ ip }) => ip), status?.podIP ?? ''];
}

function onPodNetwork(pod: Pod): readonly string[] {
  return pod.spec.hostNetwork === true ? [] : ofPod(pod);
}

function ofService({ spec, status }: Service): readonly string[] {
  const { clusterIP = '', clusterIPs = [], externalIPs = [] } = spec;
  const ingress = status?.loadBalancer?.ingress ?? [];
  return [clusterIP, ...clusterIPs, ...externalIPs, ...ingress.map(({ ip = '' }) => ip)];
}

function ofNode({ status }: Node, type?: string): readonly string[] {
  const addresses = status?.addresses ?? [];
  return addresses.filter((each) => type === undefined || each.type === type).map(({ address }) => address);
}

function isSame(a: Pod, b: Pod): boolean {
  return a.metadata.namespace === b.metadata.namespace && a.metadata.name === b.metadata.name;
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** Unspecified, loopback, link-local and multicast: on every machine they are something else. */
function ofNobody(): BlockList {
  const list = new BlockList();
  list.addSubnet('0.0.0.0', 8, 'ipv4');
  list.addSubnet('127.0.0.0', 8, 'ipv4');
  list.addSubnet('169.254.0.0', 16, 'ipv4');
  list.addSubnet('224.0.0.0', 4, 'ipv4');
  list.addAddress('255.255.255.255', 'ipv4');
  list.addSubnet('::', 127, 'ipv6');
  list.addSubnet('fe80::', 10, 'ipv6');
  list.addSubnet('ff00::', 8, 'ipv6');
  return list;
}
