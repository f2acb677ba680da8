import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeNetwork, describeNode, maxNodes } from '../../cluster/node/network.ts';

describe('the networks of test clusters', () => {
  const networks = Array.from({ length: 64 }, (_, slot) => describeNetwork(slot));

  it('share no address', () => {
    const addresses = networks.flatMap((network) => [
      network.gateway,
      network.serviceRange,
      ...Array.from({ length: maxNodes }, (_, index) => describeNode(network, index)).flatMap((node) => [
        node.address,
        node.podRange,
      ]),
    ]);
    assert.equal(new Set(addresses).size, addresses.length);
  });

  it('lie in the range for tests on isolated networks', () => {
    for (const { range } of networks) assert.match(range, /^198\.1[89]\.\d+\.0\/21$/);
  });

  it('have the API server at the address of the Service kubernetes', () => {
    assert.equal(describeNetwork(33).apiAddress, '198.19.15.1');
    assert.equal(describeNetwork(33).serviceRange, '198.19.15.0/24');
  });

  it('have interface names that the kernel takes', () => {
    for (const { bridge } of networks) assert.ok(`${bridge}n${maxNodes}`.length <= 15);
  });
});
