import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import descriptor from '../../../../src/driver/csi/generated/descriptor.json' with { type: 'json' };
import type { PluginInfo__Output } from '../../../../src/driver/csi/generated/pluginregistration/PluginInfo.ts';
import type { RegistrationClient } from '../../../../src/driver/csi/generated/pluginregistration/Registration.ts';
import type { ProtoGrpcType } from '../../../../src/driver/csi/generated/pluginregistration.ts';

/** The kubelet's part of the registration of a plugin. */
export class KubeletRegistration {
  readonly #client: RegistrationClient;

  constructor(socket: string) {
    const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
    const types = loadPackageDefinition(
      fromJSON(descriptor as Parameters<typeof fromJSON>[0], options),
    ) as unknown as ProtoGrpcType;
    this.#client = new types.pluginregistration.Registration(`unix:${socket}`, credentials.createInsecure(), {
      'grpc.default_authority': 'localhost',
    });
  }

  info(): Promise<PluginInfo__Output> {
    return new Promise((resolve, reject) => {
      this.#client.GetInfo({}, (error, info) => (info === undefined ? reject(error) : resolve(info)));
    });
  }

  notify(registered: boolean, message = ''): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.NotifyRegistrationStatus({ plugin_registered: registered, error: message }, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}
