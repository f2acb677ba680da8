import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { driverFlags, driverOptions, type DriverOptions, driverPaths } from '../../../src/driver/options.ts';
import { FlagError, parseFlags } from '../../../src/runtime/parse-flags.ts';

const parse = (...argv: string[]): DriverOptions =>
  driverOptions(parseFlags(driverFlags, ['--node-id', 'n1', ...argv], {}).values);

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
    assert.equal(values.compatibility, 'none');
    assert.equal(values.defaultIssuer, undefined);
    assert.equal(values.defaultDuration, undefined);
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

  it('take the name of the driver whose place is taken, unless one is given', () => {
    assert.equal(parse('--compatibility=cert-manager').driverName, 'csi.cert-manager.io');
    assert.equal(parse('--compatibility=csi-driver-spiffe').driverName, 'spiffe.csi.cert-manager.io');
    const named = parse('--compatibility=cert-manager', '--driver-name=csi.example.com');
    assert.equal(named.driverName, 'csi.example.com');
    assert.equal(
      driverPaths(parse('--compatibility=cert-manager')).kubeletSocket,
      '/var/lib/kubelet/plugins/csi.cert-manager.io/csi.sock',
    );
  });

  it('say what volumes get that do not say it themselves', () => {
    const values = parse('--default-issuer-name=mesh', '--default-duration=90m');
    assert.deepEqual(values.defaultIssuer, { name: 'mesh', kind: 'ClusterIssuer', group: 'cert-manager.io' });
    assert.equal(values.defaultDuration, 90 * 60_000);
    const own = parse(
      '--default-issuer-name=x',
      '--default-issuer-kind=AWSPCAIssuer',
      '--default-issuer-group=awspca.cert-manager.io',
    );
    assert.deepEqual(own.defaultIssuer, {
      name: 'x',
      kind: 'AWSPCAIssuer',
      group: 'awspca.cert-manager.io',
    });
  });

  it('are refused where they cannot work', () => {
    refused(['--compatibility=csi-driver'], 'compatibility', 'none, cert-manager, csi-driver-spiffe');
    refused(['--default-duration=59s'], 'default-duration', 'at least 1m');
    refused(['--default-duration=-1h'], 'default-duration', 'at least 1m');
    refused(['--default-duration=1d'], 'default-duration', 'is not a duration');
    refused(['--default-issuer-name=Mesh'], '--default-issuer-name', 'is not a name');
    refused(
      ['--default-issuer-name=a', '--default-issuer-kind=Own'],
      '--default-issuer-kind',
      'ClusterIssuer',
    );
    refused(['--default-issuer-name=a', '--default-issuer-group=A B'], '--default-issuer-group');
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
