import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fromJSON } from '@grpc/proto-loader';
import type { MessageTypeDefinition, PackageDefinition, ServiceDefinition } from '@grpc/proto-loader';

const definition: PackageDefinition = fromJSON(
  JSON.parse(
    readFileSync(new URL('../../../src/driver/csi/generated/descriptor.json', import.meta.url), 'utf8'),
  ) as Parameters<typeof fromJSON>[0],
  { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true },
);

function service(name: string): ServiceDefinition {
  return definition[name] as ServiceDefinition;
}

/** One field in protobuf's wire format: number, length, content. Numbers below 16, lengths below 128. */
function bytesField(number: number, content: string | Buffer): Buffer {
  const body = Buffer.from(content);
  return Buffer.concat([Buffer.of((number << 3) | 2, body.length), body]);
}

function intField(number: number, value: number): Buffer {
  return Buffer.of(number << 3, value);
}

function mapEntry(key: string, value: string): Buffer {
  return Buffer.concat([bytesField(1, key), bytesField(2, value)]);
}

describe('CSI on the wire', () => {
  it('reads the NodePublishVolumeRequest that a kubelet writes', () => {
    const capability = Buffer.concat([bytesField(2, bytesField(3, '2000')), bytesField(3, intField(1, 1))]);
    const wire = Buffer.concat([
      bytesField(1, 'csi-1'),
      bytesField(4, '/var/lib/kubelet/pods/p/volumes/v/mount'),
      bytesField(5, capability),
      intField(6, 1),
      bytesField(7, mapEntry('s', 't')),
      bytesField(8, mapEntry('issuer-name', 'ca')),
    ]);
    const request = service('csi.v1.Node')['NodePublishVolume']?.requestDeserialize(wire);
    assert.deepEqual(request, {
      volume_id: 'csi-1',
      publish_context: {},
      staging_target_path: '',
      target_path: '/var/lib/kubelet/pods/p/volumes/v/mount',
      volume_capability: {
        mount: { fs_type: '', mount_flags: [], volume_mount_group: '2000' },
        access_type: 'mount',
        access_mode: { mode: 'SINGLE_NODE_WRITER' },
      },
      readonly: true,
      secrets: { s: 't' },
      volume_context: { 'issuer-name': 'ca' },
    });
  });

  it('writes the NodeGetVolumeStatsResponse that a kubelet reads', () => {
    const written = service('csi.v1.Node')['NodeGetVolumeStats']?.responseSerialize({
      usage: [{ available: 3, total: 5, used: 2, unit: 'BYTES' }],
      volume_condition: { abnormal: true, message: 'late' },
    });
    const usage = Buffer.concat([intField(1, 3), intField(2, 5), intField(3, 2), intField(4, 1)]);
    const condition = Buffer.concat([intField(1, 1), bytesField(2, 'late')]);
    assert.deepEqual(written, Buffer.concat([bytesField(1, usage), bytesField(2, condition)]));
  });

  it('writes capabilities with their published numbers', () => {
    const written = service('csi.v1.Node')['NodeGetCapabilities']?.responseSerialize({
      capabilities: [
        { rpc: { type: 'GET_VOLUME_STATS' } },
        { rpc: { type: 'VOLUME_CONDITION' } },
        { rpc: { type: 'VOLUME_MOUNT_GROUP' } },
      ],
    });
    const capability = (number: number): Buffer => bytesField(1, bytesField(1, intField(1, number)));
    assert.deepEqual(written, Buffer.concat([capability(2), capability(4), capability(6)]));
  });

  it('writes a readiness of false, which is not the same as none', () => {
    const probe = service('csi.v1.Identity')['Probe'];
    assert.deepEqual(probe?.responseSerialize({ ready: { value: true } }), bytesField(1, intField(1, 1)));
    assert.deepEqual(probe.responseSerialize({ ready: { value: false } }), bytesField(1, intField(1, 0)));
    assert.deepEqual(probe.responseSerialize({}), Buffer.alloc(0));
  });

  it('has the services under the paths that a kubelet calls', () => {
    assert.equal(service('csi.v1.Node')['NodePublishVolume']?.path, '/csi.v1.Node/NodePublishVolume');
    assert.equal(service('csi.v1.Identity')['Probe']?.path, '/csi.v1.Identity/Probe');
    assert.equal(
      service('pluginregistration.Registration')['GetInfo']?.path,
      '/pluginregistration.Registration/GetInfo',
    );
  });

  it('writes the PluginInfo that a kubelet reads', () => {
    const info = service('pluginregistration.Registration')['GetInfo']?.responseSerialize({
      type: 'CSIPlugin',
      name: 'csi.certmount.io',
      endpoint: '/csi.sock',
      supported_versions: ['1.0.0'],
    });
    const wire = [
      bytesField(1, 'CSIPlugin'),
      bytesField(2, 'csi.certmount.io'),
      bytesField(3, '/csi.sock'),
      bytesField(4, '1.0.0'),
    ];
    assert.deepEqual(info, Buffer.concat(wire));
  });

  it('defines the messages of the two services and no other', () => {
    const messages = Object.entries(definition).filter(
      ([name, entry]) => name.startsWith('csi.v1.') && 'format' in entry && isMessage(entry),
    );
    assert.equal(messages.length, 29);
  });
});

function isMessage(entry: object): entry is MessageTypeDefinition<object, object> {
  return 'type' in entry && 'serialize' in entry;
}
