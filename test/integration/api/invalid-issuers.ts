import type { AcmeSolver } from '../../../src/api/issuer-types/acme.ts';
import type { VaultIssuer } from '../../../src/api/issuer-types/vault.ts';
import type { Issuer, IssuerSpec } from '../../../src/api/issuer.ts';

const pem = Buffer.from('-----BEGIN CERTIFICATE-----\n').toString('base64');
const ref = { name: 's', key: 'k' };
/** What the API server refuses, and what it says then. */
export const invalidIssuers: readonly [what: string, object: Issuer, message: RegExp][] = [
  ['of no type', issuer({}), /spec: .*at least one issuer must be configured/],
  [
    'of two types',
    issuer({ selfSigned: {}, ca: { secretName: 'ca' } }),
    /spec: .*may not specify more than one issuer type/,
  ],
  ['whose CA has no name', issuer({ ca: { secretName: '' } }), /spec\.ca\.secretName/],
  ['of Vault that logs in with nothing', vault({ auth: {} }), /please supply one of: appRole, kubernetes/],
  [
    'of Vault with two bundles',
    vault({ caBundle: pem, caBundleSecretRef: ref }),
    /specified caBundle and caBundleSecretRef cannot be used together/,
  ],
  [
    'of Vault with half a key pair',
    vault({ clientCertSecretRef: ref }),
    /clientKeySecretRef must be provided/,
  ],
  [
    'of Vault with the other half',
    vault({ clientKeySecretRef: ref }),
    /clientCertSecretRef must be provided/,
  ],
  ['of Vault whose path climbs', vault({ path: 'pki/../sys/seal' }), /must not contain '\.\.' path segments/],
  [
    'of Vault whose login path climbs',
    vault({ auth: { kubernetes: { role: 'r', mountPath: '..', secretRef: ref } } }),
    /spec\.vault\.auth\.kubernetes\.mountPath: .*must not contain/,
  ],
  [
    'of Vault with two tokens',
    vault({ auth: { kubernetes: { role: 'r', secretRef: ref, serviceAccountRef: { name: 'a' } } } }),
    /please supply one of: secretRef, serviceAccountRef/,
  ],
  [
    'of Vault with a service account and no role for it',
    vault({ auth: { aws: { role: 'r', serviceAccountRef: { name: 'a' } } } }),
    /iamRoleArn is required/,
  ],
  ['of Venafi of no kind', issuer({ venafi: { zone: 'z' } }), /exactly one of tpp, cloud, or ngts must be/],
  [
    'of Venafi of two kinds',
    issuer({
      venafi: {
        zone: 'z',
        cloud: { apiTokenSecretRef: ref },
        tpp: { url: 'https://tpp', credentialsRef: { name: 'c' } },
      },
    }),
    /exactly one of tpp, cloud, or ngts must be/,
  ],
  ['with a solver of no type', acme({}), /no solver type configured/],
  [
    'with a solver of two types',
    acme({ http01: { ingress: {} }, dns01: { route53: {} } }),
    /may not specify more than one solver type in a single solver/,
  ],
  ['with HTTP01 by nothing', acme({ http01: {} }), /no HTTP01 solver type configured/],
  [
    'with HTTP01 by two ways',
    acme({ http01: { ingress: {}, gatewayHTTPRoute: {} } }),
    /only 1 HTTP01 solver type may be configured/,
  ],
  [
    'with an Ingress of two classes',
    acme({ http01: { ingress: { class: 'a', ingressClassName: 'a' } } }),
    /only one of 'ingressClassName', 'name' or 'class' should be specified/,
  ],
  [
    'with a Service of another type',
    acme({ http01: { ingress: { serviceType: 'LoadBalancer' } } }),
    /http01\.ingress\.serviceType/,
  ],
  ['with DNS01 by nobody', acme({ dns01: { cnameStrategy: 'None' } }), /no DNS01 provider configured/],
  [
    'with DNS01 by two providers',
    acme({ dns01: { route53: {}, digitalocean: { tokenSecretRef: ref } } }),
    /may not specify more than one provider type/,
  ],
  [
    'with both credentials of Cloudflare',
    acme({ dns01: { cloudflare: { apiKeySecretRef: ref, apiTokenSecretRef: ref } } }),
    /apiKeySecretRef and apiTokenSecretRef cannot both be specified/,
  ],
  [
    'with a wait into the past',
    acme({ dns01: { route53: {} }, waitInsteadOfSelfCheck: '-1s' }),
    /waitInsteadOfSelfCheck must not be negative/,
  ],
  [
    'that verifies TLS and does not',
    issuer({
      acme: { server: 'https://a', privateKeySecretRef: ref, caBundle: pem, skipTLSVerify: true },
    }),
    /caBundle and skipTLSVerify are mutually exclusive/,
  ],
];

export function issuer(spec: IssuerSpec): Issuer {
  return { metadata: { generateName: 'issuer-', namespace: 'default' }, spec };
}

export function acme(solver: AcmeSolver): Issuer {
  const server = 'https://acme.example/directory';
  return issuer({ acme: { server, privateKeySecretRef: { name: 'key' }, solvers: [solver] } });
}

function vault(fields: Partial<VaultIssuer>): Issuer {
  const auth = { tokenSecretRef: { name: 'token' } };
  return issuer({ vault: { server: 'https://vault', path: 'pki/sign/role', auth, ...fields } });
}
