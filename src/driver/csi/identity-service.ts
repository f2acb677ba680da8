import type { GetPluginInfoResponse } from './generated/csi/v1/GetPluginInfoResponse.ts';
import type { IdentityHandlers } from './generated/csi/v1/Identity.ts';
import { unary, type UnaryDependencies } from './unary.ts';

export interface IdentityServiceOptions {
  readonly driverName: string;
  readonly version: string;
}

export interface IdentityServiceDependencies extends UnaryDependencies {
  /** False until the driver has taken up what it finds on the node. */
  readonly isReady: () => boolean;
}

/** CSI Identity. No plugin capabilities: there is no controller service and no topology. */
export function identityService(
  options: IdentityServiceOptions,
  dependencies: IdentityServiceDependencies,
): IdentityHandlers {
  const info: GetPluginInfoResponse = { name: options.driverName, vendor_version: options.version };
  return {
    GetPluginInfo: unary({ method: 'GetPluginInfo', quiet: true }, dependencies, async () => info),
    GetPluginCapabilities: unary(
      { method: 'GetPluginCapabilities', quiet: true },
      dependencies,
      async () => ({
        capabilities: [],
      }),
    ),
    Probe: unary({ method: 'Probe', quiet: true }, dependencies, async () => ({
      ready: { value: dependencies.isReady() },
    })),
  };
}
