import { secretKeySelector } from '../references.ts';
import { exactlyOne } from '../rules.ts';
import { bytes, duration, flag, list, map, oneOf, struct, text } from '../schema.ts';
import { dns01Solver } from './dns01.ts';
import { http01Solver } from './http01.ts';

const externalAccountBinding = struct(
  {
    required: {
      keyID: text('ID of the key.', { minLength: 1 }),
      keySecretRef: secretKeySelector('The key, in base64url.'),
    },
    optional: { keyAlgorithm: oneOf(['HS256', 'HS384', 'HS512'], 'Deprecated: always HS256.') },
  },
  'Binds the account to one that the authority already knows.',
);

const selector = struct(
  {
    optional: {
      matchLabels: map(text(), 'Labels of the Certificate.'),
      dnsNames: list(text(), 'Names, exactly.'),
      dnsZones: list(text(), 'Domains with all names in them; the longest that matches wins.'),
    },
  },
  'Which names it is for: all when not set.',
);

const solver = struct(
  {
    optional: {
      selector,
      http01: http01Solver,
      dns01: dns01Solver,
      waitInsteadOfSelfCheck: duration('Wait this long, as in "30s", in place of the self-check.', [
        { rule: "!self.startsWith('-')", message: 'waitInsteadOfSelfCheck must not be negative' },
      ]),
    },
  },
  'How names are proved. Exactly one of http01 and dns01.',
  {
    rules: exactlyOne(['http01', 'dns01'], {
      none: 'no solver type configured',
      several: 'may not specify more than one solver type in a single solver',
    }),
  },
);

export const acmeIssuer = struct(
  {
    required: {
      server: text("URL of the authority's directory.", { minLength: 1 }),
      privateKeySecretRef: secretKeySelector("The account's key; its key is tls.key when not set."),
    },
    optional: {
      email: text('Where the authority writes to.'),
      preferredChain: text('Common name of the root to chain to, where the authority has several.', {
        maxLength: 64,
      }),
      caBundle: bytes("PEM of the roots for TLS: the system's when not set."),
      skipTLSVerify: flag('Do not verify TLS. Only for tests.'),
      externalAccountBinding,
      solvers: list(solver, 'How names are proved; the most specific that fits is taken.', {
        // More than the 1.5 MiB of an object can hold: only bounds what the API server thinks the rules may cost.
        maxItems: 65_536,
      }),
      disableAccountKeyGeneration: flag('Never make an account key, only use one that is there.'),
      enableDurationFeature: flag("Ask for the Certificate's duration. Many authorities refuse."),
      profile: text('Profile of the authority that is asked for.'),
      renewalInformationSource: oneOf(
        ['ARI', 'None'],
        'Whether the authority is asked when to renew (RFC 9773).',
      ),
    },
  },
  'Asks an authority that speaks ACME (RFC 8555).',
  {
    rules: [
      {
        rule: '!(has(self.caBundle) && size(self.caBundle) > 0 && has(self.skipTLSVerify) && self.skipTLSVerify)',
        message: 'caBundle and skipTLSVerify are mutually exclusive and cannot both be set',
      },
    ],
  },
);
