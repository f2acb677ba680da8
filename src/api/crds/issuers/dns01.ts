import { secretKeySelector, serviceAccountReference } from '../references.ts';
import { exactlyOne } from '../rules.ts';
import { anything, list, oneOf, struct, text } from '../schema.ts';

const acmeDNS = struct(
  {
    required: {
      host: text('URL of the acme-dns server.'),
      accountSecretRef: secretKeySelector('Accounts by domain, as JSON in a Secret.'),
    },
  },
  'acme-dns.',
);

const akamai = struct(
  {
    required: {
      serviceConsumerDomain: text('Host of the API, from the credentials.'),
      clientTokenSecretRef: secretKeySelector('Client token.'),
      clientSecretSecretRef: secretKeySelector('Client secret.'),
      accessTokenSecretRef: secretKeySelector('Access token.'),
    },
  },
  'Akamai Edge DNS.',
);

const managedIdentity = struct(
  {
    optional: {
      clientID: text('Client ID of the identity. Not with resourceID.'),
      resourceID: text('Resource ID of the identity. Not with clientID.'),
      tenantID: text('Tenant of the identity. Only with clientID.'),
    },
  },
  'Which managed identity, where the environment has several.',
);

const azureDNS = struct(
  {
    required: {
      subscriptionID: text('Subscription that has the zone.'),
      resourceGroupName: text('Resource group that has the zone.'),
    },
    optional: {
      clientID: text('Client ID of a service principal; goes with its secret and tenant.'),
      clientSecretSecretRef: secretKeySelector('Secret of the service principal.'),
      tenantID: text('Tenant of the service principal.'),
      hostedZoneName: text('Name of the zone, where it is not to be found by the domain.'),
      environment: oneOf(
        ['AzurePublicCloud', 'AzureChinaCloud', 'AzureGermanCloud', 'AzureUSGovernmentCloud'],
        'Cloud: AzurePublicCloud when not set.',
      ),
      zoneType: oneOf(['AzurePublicZone', 'AzurePrivateZone'], 'Kind of zone: AzurePublicZone when not set.'),
      managedIdentity,
    },
  },
  'Azure DNS.',
);

const cloudDNS = struct(
  {
    required: { project: text('Project that has the zone.') },
    optional: {
      hostedZoneName: text('Name of the zone, where it is not to be found by the domain.'),
      serviceAccountSecretRef: secretKeySelector("Key of a service account; the environment's when not set."),
    },
  },
  'Google Cloud DNS.',
);

const cloudflare = struct(
  {
    optional: {
      email: text('Address of the account; only with an API key.'),
      apiKeySecretRef: secretKeySelector('API key. Not with an API token.'),
      apiTokenSecretRef: secretKeySelector('API token.'),
    },
  },
  'Cloudflare.',
  {
    rules: exactlyOne(['apiKeySecretRef', 'apiTokenSecretRef'], {
      none: 'apiKeySecretRef or apiTokenSecretRef is required',
      several: 'apiKeySecretRef and apiTokenSecretRef cannot both be specified',
    }),
  },
);

const digitalocean = struct({ required: { tokenSecretRef: secretKeySelector('Token.') } }, 'DigitalOcean.');

const rfc2136 = struct(
  {
    required: {
      nameserver: text('Server that takes updates: HOST or HOST:PORT, an IPv6 address in brackets.'),
    },
    optional: {
      protocol: oneOf(['TCP', 'UDP'], 'UDP when not set.'),
      tsigKeyName: text('Name of the TSIG key.'),
      tsigAlgorithm: text('HMACMD5 (when not set), HMACSHA1, HMACSHA256 or HMACSHA512.'),
      tsigSecretSecretRef: secretKeySelector('TSIG key in base64.'),
    },
  },
  'DNS UPDATE (RFC 2136).',
);

const route53 = struct(
  {
    optional: {
      region: text('Region of the API, where the environment does not say.'),
      hostedZoneID: text('ID of the zone, where it is not to be found by the domain.'),
      role: text('Role to assume.'),
      auth: struct(
        {
          required: {
            kubernetes: struct(
              { required: { serviceAccountRef: serviceAccountReference } },
              'Assumes the role with a service account token.',
            ),
          },
        },
        "How to log in, where it is not with the environment's credentials or an access key.",
      ),
      accessKeyID: text('ID of an access key.'),
      accessKeyIDSecretRef: secretKeySelector('ID of an access key in a Secret.'),
      secretAccessKeySecretRef: secretKeySelector('Secret of the access key.'),
    },
  },
  'AWS Route 53.',
  {
    rules: [
      {
        rule: "!(has(self.accessKeyID) && self.accessKeyID != '' && has(self.accessKeyIDSecretRef))",
        message: 'accessKeyID and accessKeyIDSecretRef cannot both be specified',
      },
    ],
  },
);

const webhook = struct(
  {
    required: {
      groupName: text('API group of the webhook.'),
      solverName: text('Which of its solvers.'),
    },
    optional: { config: anything('Whatever the solver wants to know.') },
  },
  'A webhook behind an aggregated API.',
);

const providers = {
  acmeDNS,
  akamai,
  azureDNS,
  cloudDNS,
  cloudflare,
  digitalocean,
  rfc2136,
  route53,
  webhook,
};

export const dns01Solver = struct(
  {
    optional: {
      cnameStrategy: oneOf(
        ['None', 'Follow'],
        'Follow: the record is written where _acme-challenge leads by CNAME. None when not set.',
      ),
      nameservers: list(text(), "Recursive servers for the self-check, in place of the controller's."),
      ...providers,
    },
  },
  'Proves names by TXT records. Exactly one provider.',
  {
    rules: exactlyOne(Object.keys(providers), {
      none: 'no DNS01 provider configured',
      several: 'may not specify more than one provider type',
    }),
  },
);
