import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseUserAnnotations } from '../../../../src/policy/pod-certificates/user-annotations.ts';
import type { ParsedUserAnnotations } from '../../../../src/policy/pod-certificates/user-annotations.ts';
import { createRequest, noAltNames, parseRequest } from '../../../../src/pki/index.ts';
import { newKey } from '../../controller/builders.ts';
import { newPodCertificateRequest } from '../../controller/pod-certificates/builders.ts';

async function parse(unverifiedUserAnnotations: Record<string, string>): Promise<ParsedUserAnnotations> {
  const { spec } = await newPodCertificateRequest({ unverifiedUserAnnotations });
  return parseUserAnnotations(spec, 'web');
}

describe('user annotations of a pod certificate', () => {
  it('ask for names, with the variables of the pod', async () => {
    assert.deepEqual(
      await parse({
        'certmount.io/dns-names': '${POD_NAME}.${POD_NAMESPACE}, api.web.svc',
        'certmount.io/ip-sans': '10.0.0.1,fd00::1',
        'certmount.io/common-name': '${SERVICE_ACCOUNT_NAME}',
      }),
      {
        valid: true,
        dnsNames: ['api-0.web', 'api.web.svc'],
        ipAddresses: ['10.0.0.1', 'fd00::1'],
        commonName: 'api',
      },
    );
    assert.deepEqual(await parse({}), { valid: true, dnsNames: [], ipAddresses: [], commonName: undefined });
  });

  it('ask for addresses as they are signed, however they are written', async () => {
    const parsed = await parse({ 'certmount.io/ip-sans': '::ffff:10.0.0.1, 2001:DB8:0:0::1' });
    assert.ok(parsed.valid);
    const pem = await createRequest(
      { subject: {}, altNames: { ...noAltNames, ipAddresses: parsed.ipAddresses } },
      await newKey(),
    );
    assert.deepEqual(parseRequest(pem).altNames.ipAddresses, parsed.ipAddresses);
    assert.deepEqual(parsed.ipAddresses, ['10.0.0.1', '2001:db8::1']);
  });

  for (const [key, value, message] of [
    [
      'certmount.io/dns-name',
      'a',
      /"certmount\.io\/dns-name" is not known: did you mean certmount\.io\/dns-names\?/,
    ],
    ['example.com/size', 'a', /"example\.com\/size" is not known: known are certmount\.io\/dns-names, /],
    ['certmount.io/dns-names', 'a..b', /^certmount\.io\/dns-names: DNS name "a\.\.b" is not a host name/],
    ['certmount.io/dns-names', '${POD_IP}.web', /^certmount\.io\/dns-names: DNS name "\$\{POD_IP\}\.web"/],
    ['certmount.io/ip-sans', 'fe80::1%eth0', /"fe80::1%eth0" is not an IP address/],
    ['certmount.io/ip-sans', '10.0.0', /^certmount\.io\/ip-sans: "10\.0\.0" is not an IP address/],
    ['certmount.io/common-name', ' ', /^certmount\.io\/common-name: "" must have 1 to 64/],
    ['certmount.io/common-name', 'x'.repeat(65), /must have 1 to 64 printable/],
    ['certmount.io/common-name', 'a\u0000b', /must have 1 to 64 printable/],
    ['certmount.io/dns-names', Array.from({ length: 101 }, (_, index) => `n${index}`).join(), /101 names/],
  ] as const) {
    it(`are refused with the key and the value: ${key} ${JSON.stringify(value.slice(0, 20))}`, async () => {
      const parsed = await parse({ [key]: value });
      assert.ok(!parsed.valid);
      assert.match(parsed.message, message);
    });
  }
});
