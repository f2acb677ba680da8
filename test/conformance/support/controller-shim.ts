import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  Client,
  credentials,
  type handleUnaryCall,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { serviceDefinitions } from '../../../src/driver/csi/service-definitions.ts';

export interface ControllerShimOptions {
  /** Socket that csi-sanity calls. */
  readonly socket: string;
  readonly driverSocket: string;
}

interface CreateVolumeRequest {
  readonly name: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** PluginCapability { service { type: CONTROLLER_SERVICE } } as an element of a repeated field 1. */
const controllerService = Buffer.of(0x0a, 0x04, 0x0a, 0x02, 0x08, 0x01);
/** NodeServiceCapability { rpc { type: SINGLE_NODE_MULTI_WRITER } }, likewise: an inline volume is published once, and refuses more. */
const singleNodeMultiWriter = Buffer.of(0x0a, 0x04, 0x0a, 0x02, 0x08, 0x05);
/** NodePublishVolumeRequest.readonly, field 6: of a field that is there twice the last one counts. */
const readOnly = Buffer.of(0x30, 0x01);

/**
 * Stands between csi-sanity and the driver. The suite gets a volume_context only from a controller service, which a driver of
 * inline volumes does not have, and it never sets readonly (kubernetes-csi/csi-test#214). Everything else goes through as it is,
 * octet by octet.
 */
export class ControllerShim {
  readonly #server: Server;
  readonly #driver: Client;
  /** Calls that went through to the driver, by method. */
  readonly forwarded = new Map<string, number>();

  private constructor(driverSocket: string) {
    this.#server = new Server();
    this.#driver = new Client(`unix:${driverSocket}`, credentials.createInsecure(), {
      'grpc.default_authority': 'localhost',
    });
  }

  static async start(options: ControllerShimOptions): Promise<ControllerShim> {
    const shim = new ControllerShim(options.driverSocket);
    const { identity, node } = serviceDefinitions();
    shim.#forward(identity, { GetPluginCapabilities: { response: controllerService } });
    shim.#forward(node, {
      NodePublishVolume: { request: readOnly },
      NodeGetCapabilities: { response: singleNodeMultiWriter },
    });
    shim.#server.addService(controllerDefinition(), {
      CreateVolume: unaryOf(({ name, parameters }: CreateVolumeRequest) => ({
        volume: { volume_id: volumeIdOf(name), volume_context: parameters },
      })),
      DeleteVolume: unaryOf(() => ({})),
      ControllerGetCapabilities: unaryOf(() => ({
        capabilities: [{ rpc: { type: 'CREATE_DELETE_VOLUME' } }],
      })),
    });
    await new Promise<void>((resolve, reject) => {
      shim.#server.bindAsync(`unix:${options.socket}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    return shim;
  }

  stop(): void {
    this.#server.forceShutdown();
    this.#driver.close();
  }

  /** @param more what is added to requests and responses of some methods */
  #forward(
    service: ServiceDefinition,
    more: Readonly<Record<string, { readonly request?: Buffer; readonly response?: Buffer }>>,
  ): void {
    const asItIs = (octets: Buffer): Buffer => octets;
    const definition: Record<string, ServiceDefinition[string]> = {};
    const handlers: Record<string, handleUnaryCall<Buffer, Buffer>> = {};
    for (const [name, method] of Object.entries(service)) {
      definition[name] = {
        ...method,
        requestSerialize: asItIs,
        requestDeserialize: asItIs,
        responseSerialize: asItIs,
        responseDeserialize: asItIs,
      };
      handlers[name] = (call, callback) => {
        this.forwarded.set(name, (this.forwarded.get(name) ?? 0) + 1);
        const request = Buffer.concat([call.request, more[name]?.request ?? Buffer.alloc(0)]);
        const options = { deadline: call.getDeadline() };
        this.#driver.makeUnaryRequest(
          method.path,
          asItIs,
          asItIs,
          request,
          call.metadata,
          options,
          (error, response = Buffer.alloc(0)) =>
            callback(error, Buffer.concat([response, more[name]?.response ?? Buffer.alloc(0)])),
        );
      };
    }
    this.#server.addService(definition as ServiceDefinition, handlers as UntypedServiceImplementation);
  }
}

/** As the kubelet names inline volumes. */
function volumeIdOf(name: string): string {
  return `csi-${createHash('sha256').update(name).digest('hex')}`;
}

function controllerDefinition(): ServiceDefinition {
  const file = join(import.meta.dirname, 'controller.proto');
  const loaded = loadPackageDefinition(loadSync(file, { keepCase: true, enums: String })) as unknown as {
    readonly csi: { readonly v1: { readonly Controller: { readonly service: ServiceDefinition } } };
  };
  return loaded.csi.v1.Controller.service;
}

function unaryOf<Request, Response>(
  answer: (request: Request) => Response,
): handleUnaryCall<Request, Response> {
  return (call, callback) => callback(null, answer(call.request));
}
