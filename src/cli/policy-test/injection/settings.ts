// What deploy/components/inject says in CEL, for pods that no API server has seen. Tests hold the two together: one of these
// texts, and one of what the API server makes of pods.

export type Annotations = Readonly<Record<string, string>>;

export const asksAnnotation = 'certmount.io/inject';
export const settingPrefix = `${asksAnnotation}-`;
export const volumeName = 'certmount-identity';

export const issuerSettings = ['issuer-name', 'issuer-kind', 'issuer-group'] as const;

/** Beside the issuer, those that become attributes. */
export const attributeSettings = [
  'common-name',
  'dns-names',
  'duration',
  'renew-before',
  'key-algorithm',
  'key-size',
  'key-encoding',
  'preset',
  'fs-group',
  'trust-bundle',
  'federated-bundles',
  'spiffe-bundle-file',
  'workload-api',
] as const;

export const knownSettings: readonly string[] = [
  ...issuerSettings,
  ...attributeSettings,
  'mount-path',
  'exclude-containers',
];

export const choices: Readonly<Record<string, readonly string[]>> = {
  preset: ['spiffe', 'cert-manager', 'istio', 'gke'],
  'workload-api': ['true', 'false'],
  'key-encoding': ['pkcs8', 'pkcs1', 'sec1'],
  'key-algorithm': ['ecdsa', 'rsa', 'ed25519'],
};

/** As the attributes of these settings take it, `${NAME}` or `$NAME`. */
const variable = '[$]([A-Z_]+|[{][A-Z_]+[}])';
const nameWithVariables = `^([a-z0-9]|${variable})(([a-z0-9.-]|${variable}){0,251}([a-z0-9]|${variable}))?$`;

export const patterns: Readonly<Record<string, string>> = {
  'issuer-name': nameWithVariables,
  'issuer-kind': '^[A-Za-z][A-Za-z0-9]{0,62}$',
  'issuer-group': '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$',
  duration: '^([0-9]+(\\.[0-9]+)?(h|m|s|ms))+$',
  'renew-before': '^([0-9]+(\\.[0-9]+)?(h|m|s|ms))+$',
  'key-size': '^(256|384|521|[2-8][0-9]{3})$',
  'fs-group': '^[1-9][0-9]{0,9}$',
  'trust-bundle': nameWithVariables,
  'federated-bundles': `^([a-z0-9., -]|${variable})+$`,
  'spiffe-bundle-file': '^[^/]{1,255}$',
  'mount-path': '^(/[A-Za-z0-9_.-]*[A-Za-z0-9_-])+$',
  'exclude-containers': '^[a-z0-9-]+( *, *[a-z0-9-]+)*$',
};

/** What a value must be that does not match its pattern. */
export const examples: Readonly<Record<string, string>> = {
  'issuer-name': 'the name of an issuer, as in mesh',
  'issuer-kind': 'a kind, as in ClusterIssuer',
  'issuer-group': 'an API group, as in cert-manager.io',
  duration: 'a duration, as in 12h or 1h30m',
  'renew-before': 'a duration, as in 4h',
  'key-size': '256, 384 or 521, or for RSA 2048 to 8192',
  'fs-group': 'a group id from 1 on',
  'trust-bundle': 'the name of a Bundle',
  'federated-bundles': 'names of Bundles, separated by commas',
  'spiffe-bundle-file': 'a file name',
  'mount-path': 'an absolute path without a part that ends in a dot and without / at its end',
  'exclude-containers': 'names of containers, separated by commas',
};

/** Where nothing is injected and nothing refused. */
export const untouchedNamespaces: readonly string[] = [
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'certmount',
];

/** What a cluster may change by a patch. */
export interface Injection {
  /** Name of the driver of the volumes. */
  readonly driver: string;
  /** Of settings that neither the pod nor its namespace has. */
  readonly defaults: Annotations;
}

export const usualInjection: Injection = {
  driver: 'csi.certmount.io',
  defaults: { preset: 'spiffe', 'mount-path': '/var/run/secrets/certmount.io' },
};
