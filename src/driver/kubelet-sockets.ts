import * as fs from 'node:fs';
import type { Clock } from '../kube/index.ts';
import type { Logger } from '../runtime/log.ts';
import { identityService } from './csi/identity-service.ts';
import { nodeService, type NodeServiceDependencies } from './csi/node-service.ts';
import { registrationService } from './csi/registration-service.ts';
import { serviceDefinitions } from './csi/service-definitions.ts';
import { SocketServer } from './csi/socket-server.ts';
import { type DriverOptions, driverPaths } from './options.ts';

export interface KubeletSocketsDependencies extends Omit<NodeServiceDependencies, 'clock' | 'log'> {
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly isReady: () => boolean;
  /** The kubelet has taken the driver, or says why not. */
  readonly onRegistration: (ok: boolean, message: string) => void;
}

/** The two sockets through which the kubelet finds the driver and calls it. */
export interface KubeletSockets {
  readonly csi: SocketServer;
  readonly registration: SocketServer;
}

export function kubeletSockets(
  options: DriverOptions,
  dependencies: KubeletSocketsDependencies,
): KubeletSockets {
  const { clock, log, onRegistration: onStatus, version } = dependencies;
  const { driverName } = options;
  const paths = driverPaths(options);
  const services = serviceDefinitions();
  return {
    csi: new SocketServer(
      { path: paths.socket },
      {
        clock,
        log,
        fs,
        addServices: (add) => {
          add(services.identity, identityService({ driverName, version }, dependencies));
          add(services.node, nodeService(options, dependencies));
        },
      },
    ),
    registration: new SocketServer(
      { path: paths.registrationSocket },
      {
        clock,
        log,
        fs,
        addServices: (add) => {
          const service = { driverName, endpoint: paths.kubeletSocket };
          add(services.registration, registrationService(service, { ...dependencies, onStatus }));
        },
      },
    ),
  };
}
