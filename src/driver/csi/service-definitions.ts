import { loadPackageDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import descriptor from './generated/descriptor.json' with { type: 'json' };
import type { IdentityDefinition } from './generated/csi/v1/Identity.ts';
import type { NodeDefinition } from './generated/csi/v1/Node.ts';
import type { ProtoGrpcType as CsiTypes } from './generated/csi.ts';
import type { RegistrationDefinition } from './generated/pluginregistration/Registration.ts';
import type { ProtoGrpcType as RegistrationTypes } from './generated/pluginregistration.ts';

export interface ServiceDefinitions {
  readonly identity: IdentityDefinition;
  readonly node: NodeDefinition;
  readonly registration: RegistrationDefinition;
}

/** The services of proto/, from their descriptor: no parser of .proto files at run time. */
export function serviceDefinitions(): ServiceDefinitions {
  // The generated types are true for exactly these options.
  const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
  const loaded = loadPackageDefinition(
    fromJSON(descriptor as Parameters<typeof fromJSON>[0], options),
  ) as unknown as CsiTypes & RegistrationTypes;
  return {
    identity: loaded.csi.v1.Identity.service,
    node: loaded.csi.v1.Node.service,
    registration: loaded.pluginregistration.Registration.service,
  };
}
