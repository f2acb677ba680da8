import type { RegistrationHandlers } from './generated/pluginregistration/Registration.ts';
import { unary, type UnaryDependencies } from './unary.ts';

export interface RegistrationServiceOptions {
  readonly driverName: string;
  /** Path of the driver's socket as the kubelet sees it. */
  readonly endpoint: string;
}

export interface RegistrationServiceDependencies extends UnaryDependencies {
  readonly onStatus: (registered: boolean, message: string) => void;
}

/** The kubelet's plugin registration (pluginregistration/v1): it finds the socket, asks who we are, and says how it went. */
export function registrationService(
  options: RegistrationServiceOptions,
  dependencies: RegistrationServiceDependencies,
): RegistrationHandlers {
  return {
    GetInfo: unary({ method: 'GetInfo', quiet: true }, dependencies, async () => ({
      type: 'CSIPlugin',
      name: options.driverName,
      endpoint: options.endpoint,
      supported_versions: ['1.0.0'],
    })),
    NotifyRegistrationStatus: unary(
      { method: 'NotifyRegistrationStatus', quiet: true },
      dependencies,
      async (notice) => {
        dependencies.onStatus(notice.plugin_registered, notice.error);
        return {};
      },
    ),
  };
}
