import { formatDuration, parseDuration } from '../api/duration.ts';
import { checkTrustDomain } from '../pki/index.ts';
import { commonFlags } from '../runtime/common-flags.ts';
import {
  choiceFlag,
  type FlagValues,
  integerFlag,
  textFlag,
  toggleFlag,
  valueFlag,
} from '../runtime/flags.ts';
import { FlagError } from '../runtime/parse-flags.ts';
import { issuerFault } from './volume/attributes/certificate/issuer.ts';
import { compatibilities, defaultsOf } from './volume/attributes/compatibility.ts';
import { shortestDuration } from './volume/attributes/parse-attributes.ts';
import type { IssuerName } from './volume/volume-spec.ts';

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
    help: 'Name of the CSI driver, as in the CSIDriver object. Default: csi.certmount.io, or that of --compatibility.',
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
  useTokenRequest: toggleFlag({
    help:
      "Make CertificateRequests as the pod's own service account, with the token that the kubelet hands over: " +
      'the CSIDriver object needs tokenRequests. By default the driver makes them.',
    default: false,
  }),
  startupTaint: toggleFlag({
    help: 'Remove the taint certmount.io/agent-not-ready from this node once the kubelet has registered the driver.',
    default: false,
  }),
  compatibility: choiceFlag({
    help: "Whose place the driver takes: it has that driver's name and the defaults of its volumes.",
    choices: compatibilities,
    default: 'none',
  }),
  defaultIssuerName: textFlag({
    placeholder: 'NAME',
    help: 'Issuer of the volumes that name none. Without it each volume has to name one.',
  }),
  defaultIssuerKind: textFlag({
    placeholder: 'KIND',
    help: 'Kind of --default-issuer-name.',
    default: 'ClusterIssuer',
  }),
  defaultIssuerGroup: textFlag({
    placeholder: 'GROUP',
    help: 'API group of --default-issuer-name.',
    default: 'cert-manager.io',
  }),
  defaultDuration: valueFlag<number>({
    placeholder: 'DURATION',
    help: 'Lifetime that is asked for by volumes that name none, at least 1m. Default: 24h, or that of --compatibility.',
    parse: parseLifetime,
    format: formatDuration,
  }),
  keepIssuedRequests: toggleFlag({
    help: "Keep the CertificateRequest of each volume's present certificate, for people to look at. Without it the API server stores none but those under way.",
    default: true,
  }),
  volumeSizeKib: integerFlag({
    help: 'Size limit of each volume in KiB.',
    default: 1024,
    min: 64,
    max: 65_536,
  }),
} as const;

export type DriverFlagValues = FlagValues<typeof driverFlags>;

/** The flags with what follows from several of them. */
export interface DriverOptions extends DriverFlagValues {
  readonly driverName: string;
  readonly defaultIssuer: IssuerName | undefined;
}

/** @throws {FlagError} */
export function driverOptions(values: DriverFlagValues): DriverOptions {
  const { defaultIssuerGroup: group, defaultIssuerKind: kind, defaultIssuerName: name } = values;
  const defaultIssuer = name === undefined ? undefined : { name, kind, group };
  const fault = defaultIssuer && issuerFault(defaultIssuer);
  if (fault !== undefined)
    throw new FlagError('bad-value', `--default-issuer-${fault.part}: ${fault.problem}`);
  return {
    ...values,
    driverName: values.driverName ?? defaultsOf[values.compatibility].driverName,
    defaultIssuer,
  };
}

export interface DriverPaths {
  /** Of the socket, in this container. */
  readonly socket: string;
  readonly registrationSocket: string;
  /** Of the socket, as the kubelet sees it. */
  readonly kubeletSocket: string;
  readonly state: string;
}

export function driverPaths(values: DriverOptions): DriverPaths {
  const { driverName: name, kubeletDir } = values;
  const socket = socketPath(values.endpoint);
  return {
    socket,
    registrationSocket: `${kubeletDir}/plugins_registry/${name}-reg.sock`,
    kubeletSocket:
      values.registrationEndpoint === undefined
        ? `${kubeletDir}/plugins/${name}/csi.sock`
        : socketPath(values.registrationEndpoint),
    state: recordsDirectory(values),
  };
}

/** Where the records of the volumes are. */
export function recordsDirectory(values: Pick<DriverFlagValues, 'endpoint' | 'stateDir'>): string {
  const socket = socketPath(values.endpoint);
  return values.stateDir ?? `${socket.slice(0, socket.lastIndexOf('/'))}/volumes`;
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

function parseLifetime(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds < shortestDuration) throw new Error('must be at least 1m');
  return milliseconds;
}
