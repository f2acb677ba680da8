import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { services } from '../../src/api/core.ts';
import type { Pod } from '../../src/api/core.ts';
import { encode, sequence } from '../../src/pki/der/writer.ts';
import { verifyIssued } from '../integration/controller/support/openssl.ts';
import { altNames, attributeOf, generalName, principalName, rawPem } from './support/raw-request.ts';
import type { RawRequest } from './support/raw-request.ts';
import { SecurityWorld } from './support/security-world.ts';
import type { Actor } from './support/security-world.ts';

let world: SecurityWorld;
let driver: Actor;
let pod: Pod;

const mine = 'spiffe://cluster.local/ns/web/sa/app';
const svc = 'web.svc.cluster.local';

before(async () => {
  world = await SecurityWorld.start();
  driver = await world.driver('node-a');
  pod = await world.pod({ name: 'front', labels: { app: 'front' }, ips: ['10.0.0.7'] });
  const spec = { selector: { app: 'front' }, ports: [{ port: 443 }] } as object;
  await world.admin.resource(services).create({ metadata: { namespace: 'web', name: 'shop' }, spec });
});
after(() => world.stop());

const dns = (name: string | Uint8Array): Buffer => generalName(2, name);
const uri = (name: string | Uint8Array): Buffer => generalName(6, name);
const named = (...names: readonly Uint8Array[]): RawRequest => ({ extensions: [altNames(...names)] });
const policy = /certmount-default/;
const unreadable = /not a usable certificate signing request/;

/** What the request holds, and by what it is refused: the policy, or the reader before it. */
const attacks: readonly (readonly [what: string, request: RawRequest, says: RegExp])[] = [
  ['the scheme in capitals', named(uri('SPIFFE://cluster.local/ns/web/sa/app')), unreadable],
  ['the trust domain in capitals', named(uri('spiffe://Cluster.Local/ns/web/sa/app')), unreadable],
  ['the path in another case', named(uri('spiffe://cluster.local/ns/web/sa/App')), policy],
  [
    'a path with a dot segment',
    named(uri('spiffe://cluster.local/ns/web/sa/../../store/sa/app')),
    unreadable,
  ],
  ['a path that is percent-encoded', named(uri('spiffe://cluster.local/ns/web/sa/%61pp')), unreadable],
  ['an encoded slash', named(uri('spiffe://cluster.local/ns/web%2fsa/app')), unreadable],
  ['an empty segment', named(uri('spiffe://cluster.local//ns/web/sa/app')), policy],
  ['a slash at the end', named(uri(`${mine}/`)), policy],
  ['a query', named(uri(`${mine}?admin`)), policy],
  ['a fragment', named(uri(`${mine}#admin`)), policy],
  ['an empty query', named(uri(`${mine}?`)), unreadable],
  ['an empty fragment', named(uri(`${mine}#`)), unreadable],
  ['a port', named(uri('spiffe://cluster.local:443/ns/web/sa/app')), policy],
  ['user information', named(uri('spiffe://admin@cluster.local/ns/web/sa/app')), unreadable],
  ['another trust domain', named(uri('spiffe://partner.example/ns/web/sa/app')), policy],
  ['another service account', named(uri('spiffe://cluster.local/ns/web/sa/back')), policy],
  ['another namespace', named(uri('spiffe://cluster.local/ns/store/sa/app')), policy],
  ['a path below its own', named(uri(`${mine}/admin`)), policy],
  ['a URL beside it', named(uri(mine), uri('https://store.example/')), policy],
  ['two SPIFFE IDs', named(uri(mine), uri('spiffe://cluster.local/ns/store/sa/app')), policy],
  ['its own SPIFFE ID twice', named(uri(mine), uri(mine)), /at most one URI/],
  ['a NUL in it', named(uri(`${mine}\0.example`)), unreadable],
  ['a line break in it', named(uri(`${mine}\n`)), unreadable],
  ['Cyrillic letters in it', named(uri('spiffe://cluster.local/ns/web/sa/арр')), unreadable],
  ['a DNS name as a URI', named(uri(`front.${svc}`)), unreadable],

  ['a DNS name in capitals', named(dns(`FRONT.${svc}`)), policy],
  ['a namespace in capitals', named(dns('front.WEB.svc.cluster.local')), policy],
  ['a dot at the end', named(dns(`front.${svc}.`)), unreadable],
  ['an empty label', named(dns(`front..${svc}`)), unreadable],
  ['a dot at the start', named(dns(`.${svc}`)), unreadable],
  ['a wildcard', named(dns(`*.${svc}`)), policy],
  ['a wildcard of all', named(dns('*')), unreadable],
  ['a wildcard within', named(dns(`a.*.${svc}`)), unreadable],
  ['a part of a label as a wildcard', named(dns(`f*.${svc}`)), unreadable],
  ['homographs', named(dns(`frоnt.${svc}`)), unreadable],
  ['punycode of another namespace', named(dns('xn--frnt-55d.store.svc.cluster.local')), policy],
  ['percent-encoding', named(dns(`front%2e${svc}`)), unreadable],
  ['a NUL that ends it for some', named(dns(`db.store.svc.cluster.local\0.${svc}`)), unreadable],
  ['a space', named(dns(`db.store.svc.cluster.local .${svc}`)), unreadable],
  ['an underscore', named(dns(`_front.${svc}`)), policy],
  ['no name', named(dns('')), unreadable],
  ['an address as a DNS name', named(dns('10.0.0.7')), policy],
  ['a URI as a DNS name', named(dns(mine)), unreadable],
  ['a name of another namespace', named(dns('shop.store.svc')), policy],
  ['a namespace that begins alike', named(dns('front.webx.svc.cluster.local')), policy],
  ['a namespace that ends alike', named(dns('front.xweb.svc.cluster.local')), policy],
  ['its namespace as a name of another', named(dns(`${svc}.store.svc.cluster.local`)), policy],
  ['the name of its namespace', named(dns(svc)), policy],
  ['the bare name of its service', named(dns('shop')), policy],
  ['a service that does not select it', named(dns('db.web.svc')), policy],
  ['the API server', named(dns('kubernetes.default.svc')), policy],
  ['localhost', named(dns('localhost')), policy],
  ['a name of the world outside', named(dns('front.example.org')), policy],
  ['a label of 64 letters', named(dns(`${'a'.repeat(64)}.${svc}`)), unreadable],
  ['a name of 254 letters', named(dns(longName(254))), unreadable],
  ['101 names', named(...Array.from({ length: 101 }, (_, n) => dns(`n${n}.${svc}`))), /at most 100 names/],
  [
    'a thousand names',
    named(...Array.from({ length: 1000 }, (_, n) => dns(`n${n}.${svc}`))),
    /at most 100|usable/,
  ],

  ['another address', named(generalName(7, Uint8Array.of(10, 0, 0, 8))), policy],
  ['an address of five octets', named(generalName(7, Uint8Array.of(10, 0, 0, 7, 0))), unreadable],
  [
    'a network as an address',
    named(generalName(7, Uint8Array.of(10, 0, 0, 7, 255, 255, 255, 0))),
    unreadable,
  ],
  ['another address, written as IPv6', named(generalName(7, mapped(10, 0, 0, 8))), /"10\.0\.0\.8"/],
  ['an email address', named(uri(mine), generalName(1, 'admin@example.org')), policy],
  ['a user principal name', named(uri(mine), principalName('admin@example.org')), unreadable],
  ['a directory name', named(uri(mine), encode(0xa4, sequence())), unreadable],
  ['a registered id', named(uri(mine), generalName(8, Uint8Array.of(42, 3))), unreadable],
  ['a name of no known kind', named(uri(mine), generalName(15, 'x')), unreadable],

  ['two extensions of names', { extensions: [altNames(uri(mine)), altNames(dns('db.store'))] }, unreadable],
  ['two attributes of extensions', { ...named(uri(mine)), extensionRequests: 2 }, unreadable],
  ['another common name', { ...named(uri(mine)), subject: [attributeOf('2.5.4.3', 'db.store.svc')] }, policy],
  [
    'two common names',
    { subject: [attributeOf('2.5.4.3', 'front.web'), attributeOf('2.5.4.3', 'front.web')] },
    /at most one URI and one common name/,
  ],
  [
    'two common names in one',
    { subject: [attributeOf('2.5.4.3', 'front.web'), attributeOf('2.5.4.3', 'db.store')] },
    /commonName "db\.store"/,
  ],
  ['a common name with a NUL', { subject: [attributeOf('2.5.4.3', 'front.web\0.example')] }, unreadable],
  ['the group of administrators', { subject: [attributeOf('2.5.4.10', 'system:masters')] }, policy],
  ['a serial number', { subject: [attributeOf('2.5.4.5', '1')] }, policy],
  ['a user id', { subject: [attributeOf('0.9.2342.19200300.100.1.1', 'root')] }, policy],
];

describe('a name that is not the pod’s', () => {
  for (const [what, request, says] of attacks)
    it(`is not signed: ${what}`, async () => {
      await world.assertDenied(await world.ask(driver, pod, { csr: await rawPem(request) }), says);
    });

  it('is told from its own, which are signed as they are', async () => {
    const names = [mine, 'front.web', `front.${svc}`, 'shop.web.svc', longName(253), '10.0.0.7'];
    const [id = '', ...rest] = names;
    const address = generalName(7, Uint8Array.of(10, 0, 0, 7));
    const own = [uri(id), ...rest.slice(0, -1).map(dns), address];
    const subject = [attributeOf('2.5.4.3', 'front.web')];
    const csr = await rawPem({ ...named(...own), subject });
    const issued = await world.assertIssued(await world.ask(driver, pod, { csr }));
    const text = await verifyIssued(issued);
    for (const name of names) assert.ok(text.includes(name), name);
    assert.match(text, /Subject: CN ?= ?front\.web/);
    const written = await rawPem(named(uri(mine), generalName(7, mapped(10, 0, 0, 7))));
    const signed = await verifyIssued(
      await world.assertIssued(await world.ask(driver, pod, { csr: written })),
    );
    assert.match(signed, /IP Address:10\.0\.0\.7/);
    const most = named(...Array.from({ length: 100 }, (_, n) => dns(`n${n}.${svc}`)));
    await world.assertIssued(await world.ask(driver, pod, { csr: await rawPem(most) }));
  });
});

/** Of labels that are no longer than they may be. */
function longName(length: number): string {
  const head = `${'a'.repeat(59)}.`.repeat(4).slice(0, length - svc.length - 1);
  return `${head.replace(/\.$/, 'a')}.${svc}`;
}

function mapped(...octets: readonly number[]): Uint8Array {
  return Uint8Array.of(...Array.from({ length: 10 }, () => 0), 255, 255, ...octets);
}
