import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { driverFlags, driverPaths, type DriverFlagValues } from '../../../src/driver/options.ts';
import { FlagError, parseFlags } from '../../../src/runtime/parse-flags.ts';

const parse = (...argv: string[]): DriverFlagValues =>
  parseFlags(driverFlags, ['--node-id', 'n1', ...argv], {}).values;

function refused(argv: readonly string[], ...parts: readonly string[]): void {
  assert.throws(
    () => parse(...argv),
    (error) => error instanceof FlagError && parts.every((part) => error.message.includes(part)),
  );
}

describe('the flags of the driver', () => {
  it('need no more than the node', () => {
    const values = parse();
    assert.equal(values.driverName, 'csi.certmount.io');
    assert.equal(values.trustDomain, 'cluster.local');
    assert.deepEqual(driverPaths(values), {
      socket: '/csi/csi.sock',
      registrationSocket: '/var/lib/kubelet/plugins_registry/csi.certmount.io-reg.sock',
      kubeletSocket: '/var/lib/kubelet/plugins/csi.certmount.io/csi.sock',
      state: '/csi/volumes',
    });
    assert.throws(() => parseFlags(driverFlags, [], {}), /node-id/);
  });

  it('move the paths', () => {
    const values = parse(
      '--endpoint=unix:///run/c.sock',
      '--kubelet-dir=/data/kubelet/',
      '--driver-name=csi.cert-manager.io',
      '--registration-endpoint=unix:///host/c.sock',
      '--state-dir=/state/',
    );
    assert.deepEqual(driverPaths(values), {
      socket: '/run/c.sock',
      registrationSocket: '/data/kubelet/plugins_registry/csi.cert-manager.io-reg.sock',
      kubeletSocket: '/host/c.sock',
      state: '/state',
    });
    assert.equal(driverPaths(parse('--endpoint=unix:/run/x/c.sock')).socket, '/run/x/c.sock');
  });

  it('are refused where they cannot work', () => {
    refused(['--endpoint=tcp://0.0.0.0:1'], 'endpoint', 'unix:///PATH');
    refused(['--endpoint=unix://relative.sock'], 'endpoint');
    refused([`--endpoint=unix:///${'x'.repeat(107)}`], 'at most 107 bytes');
    refused(['--kubelet-dir=var/lib/kubelet'], 'kubelet-dir', 'absolute path');
    refused(['--kubelet-dir=/var/../etc'], 'kubelet-dir', '".."');
    refused(['--state-dir=state'], 'state-dir');
    refused(['--trust-domain=Not A Domain'], 'trust-domain');
    refused(['--driver-name=-x'], 'driver-name', '63 characters');
    refused([`--driver-name=${'x'.repeat(64)}`], 'driver-name');
    refused(['--volume-size-kib=1'], 'volume-size-kib', '64');
  });
});
