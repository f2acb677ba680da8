import { type Metadata, type ServerInterceptor, ServerInterceptingCall, status } from '@grpc/grpc-js';
import type { WorkloadApiLimits } from './limits.ts';

const securityHeader = 'workload.spiffe.io';

/**
 * Looks at a call as soon as its headers are there, before anything of it is kept.
 *
 * @param charge told of the metadata's size: HPACK makes much of few bytes
 */
export function checkCalls(limits: WorkloadApiLimits, charge: (bytes: number) => void): ServerInterceptor {
  return (_method, call) =>
    new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, proceed) => {
            const bytes = sizeOf(metadata);
            charge(bytes);
            const refusal = checkMetadata(metadata, bytes, limits);
            if (refusal === undefined) proceed(metadata);
            else call.sendStatus(refusal);
          },
        }),
    });
}

interface Refusal {
  readonly code: status;
  readonly details: string;
}

function checkMetadata(metadata: Metadata, bytes: number, limits: WorkloadApiLimits): Refusal | undefined {
  if (bytes > limits.metadataBytes) {
    const details = `the metadata of a call has at most ${limits.metadataBytes} bytes, not ${bytes}`;
    return { code: status.RESOURCE_EXHAUSTED, details };
  }
  // SPIFFE Workload Endpoint §4: keeps requests out that a browser or a proxy was tricked into.
  if (metadata.get(securityHeader).join() !== 'true') {
    return { code: status.INVALID_ARGUMENT, details: `metadata "${securityHeader}: true" must be set` };
  }
  return undefined;
}

function sizeOf(metadata: Metadata): number {
  let bytes = 0;
  for (const [name, values] of Object.entries(metadata.toJSON())) {
    for (const value of values) bytes += name.length + value.length;
  }
  return bytes;
}
