import { loadPackageDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import descriptor from './generated/descriptor.json' with { type: 'json' };
import type { SpiffeWorkloadAPIDefinition } from './generated/SpiffeWorkloadAPI.ts';
import type { ProtoGrpcType } from './generated/workloadapi.ts';

/** The service of proto/workloadapi.proto, from its descriptor: no parser of .proto files at run time. */
export function workloadApiDefinition(): SpiffeWorkloadAPIDefinition {
  // The generated types are true for exactly these options.
  const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
  const loaded = loadPackageDefinition(
    fromJSON(descriptor as Parameters<typeof fromJSON>[0], options),
  ) as unknown as ProtoGrpcType;
  return loaded.SpiffeWorkloadAPI.service;
}
