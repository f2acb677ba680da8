import { checkTrustDomain } from '../pki/index.ts';
import { commonFlags } from '../runtime/common-flags.ts';
import { type FlagValues, integerFlag, textFlag, valueFlag } from '../runtime/flags.ts';

/** CSI §GetPluginInfo: a domain name of at most 63 characters that ends in a letter or digit. */
const driverName = /^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$/;

export const driverFlags = {
  ...commonFlags,
  nodeId: textFlag({
    placeholder: 'NAME',
    help: 'Name of this node, as the API server has it.',
    required: true,
  }),
  endpoint: valueFlag<string>({
    placeholder: 'unix:///PATH',
    help: 'Socket on which the driver serves CSI.',
    default: 'unix:///csi/csi.sock',
    parse: parseEndpoint,
    format: String,
  }),
  driverName: valueFlag<string>({
    placeholder: 'NAME',
    help: 'Name of the CSI driver, as in the CSIDriver object.',
    default: 'csi.certmount.io',
    parse: (text) => {
      if (!driverName.test(text)) throw new Error('must be a domain name of at most 63 characters');
      return text;
    },
    format: String,
  }),
  kubeletDir: valueFlag<string>({
    placeholder: 'DIR',
    help: "The kubelet's root directory (its --root-dir), at the same path in this container.",
    default: '/var/lib/kubelet',
    parse: parseDirectory,
    format: String,
  }),
  registrationEndpoint: valueFlag<string>({
    placeholder: 'unix:///PATH',
    help: 'Socket of --endpoint as the kubelet sees it. Default: KUBELET-DIR/plugins/DRIVER-NAME/csi.sock.',
    parse: parseEndpoint,
    format: String,
  }),
  stateDir: valueFlag<string>({
    placeholder: 'DIR',
    help: 'Where the records of the volumes are kept; holds no secret. Default: volumes/ beside the socket.',
    parse: parseDirectory,
    format: String,
  }),
  trustDomain: valueFlag<string>({
    placeholder: 'DOMAIN',
    help: 'Trust domain of the SPIFFE IDs that pods get.',
    default: 'cluster.local',
    parse: checkTrustDomain,
    format: String,
  }),
  volumeSizeKib: integerFlag({
    help: 'Size limit of each volume in KiB.',
    default: 1024,
    min: 64,
    max: 65_536,
  }),
} as const;

export type DriverFlagValues = FlagValues<typeof driverFlags>;

export interface DriverPaths {
  /** Of the socket, in this container. */
  readonly socket: string;
  readonly registrationSocket: string;
  /** Of the socket, as the kubelet sees it. */
  readonly kubeletSocket: string;
  readonly state: string;
}

export function driverPaths(values: DriverFlagValues): DriverPaths {
  const { driverName: name, kubeletDir } = values;
  const socket = socketPath(values.endpoint);
  return {
    socket,
    registrationSocket: `${kubeletDir}/plugins_registry/${name}-reg.sock`,
    kubeletSocket:
      values.registrationEndpoint === undefined
        ? `${kubeletDir}/plugins/${name}/csi.sock`
        : socketPath(values.registrationEndpoint),
    state: values.stateDir ?? `${socket.slice(0, socket.lastIndexOf('/'))}/volumes`,
  };
}

function parseEndpoint(text: string): string {
  const path = socketPath(text);
  // sun_path of sockaddr_un holds 107 bytes and a NUL.
  if (!path.startsWith('/') || Buffer.byteLength(path) > 107) {
    throw new Error('must be unix:///PATH with a path of at most 107 bytes');
  }
  return text;
}

function socketPath(endpoint: string): string {
  return endpoint.replace(/^unix:(\/\/)?/, '');
}

function parseDirectory(text: string): string {
  const path = text.replace(/(?<=.)\/+$/, '');
  if (!path.startsWith('/') || path.split('/').includes('..'))
    throw new Error('must be an absolute path without ".."');
  return path;
}
