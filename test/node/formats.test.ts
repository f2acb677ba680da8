import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { clusterIssuerWithCa } from '../support/certificate-authority.ts';
import { type CertmountCluster, startCertmountCluster } from '../support/certmount-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { examplesOf } from '../support/examples-of.ts';
import { findSecrets } from '../support/find-secrets.ts';
import { namespace, workloadPod } from '../support/pods.ts';
import { readJks } from '../unit/pki/keystores/support/read-jks.ts';

type Attributes = Readonly<Record<string, string>>;

interface Csi {
  readonly driver: string;
  readonly readOnly: boolean;
  readonly volumeAttributes: Attributes;
  readonly nodePublishSecretRef?: { readonly name: string };
}

interface Container {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly volumeMounts?: readonly object[];
}

/** As much of a pod as the page shows. */
interface Example {
  readonly containers?: readonly Container[];
  readonly volumes?: readonly { readonly csi: Csi }[];
  readonly csi?: Csi;
  readonly volumeAttributes?: Attributes;
}

const folder = '/identity';
const pluginDir = '/var/lib/kubelet/plugins/csi.certmount.io';
const issuer = { 'issuer-name': 'mesh', 'issuer-kind': 'ClusterIssuer' };
const bothStores = { ...issuer, 'pkcs12-enable': 'true', 'jks-enable': 'true' };
/** Renewed after seven to eight seconds. */
const often = { duration: '1m', 'renew-before': '46s' };
const passwords = {
  shared: 'shared-1f0c9be2',
  pkcs12: 'pkcs12-7d20a3f4',
  jks: 'jks-55c1e8d0',
  before: 'before-91be04c7',
  after: 'after-2ad7f6b3',
  inSpec: 'in-spec-c3e91a58',
};

describe('a pod that chooses the formats of its volume', { timeout: 240_000 }, () => {
  let cluster: CertmountCluster;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(...args);
  const examples = (examplesOf('docs/formats.md') as Example[]).map((example) => {
    const csi = csiOf(example);
    return { name: nameOf(csi), csi, container: example.containers?.[0] };
  });

  before(async () => {
    cluster = await startCertmountCluster({
      log: (line) => console.error(line),
      // The kubelet calls again for each volume that often, in place of every minute or so.
      node: { kubeletConfiguration: { syncFrequency: '10s' } },
    });
    const { manifests } = await clusterIssuerWithCa('mesh');
    await cluster.controlPlane.apply([...manifests, namespace('web')]);
    await kubectl('wait', '--for=create', '-n', 'web', 'serviceaccount/default', '--timeout=30s');
    await cluster.controlPlane.apply([
      secret('keystore', { 'keystore-password': passwords.shared }),
      secret('apart', { 'pkcs12-password': passwords.pkcs12, 'jks-password': passwords.jks }),
      secret('rotating', { 'keystore-password': passwords.before }),
      secret('other-keys', { password: passwords.shared }),
      secret('newline', { 'keystore-password': `${passwords.shared}\n` }),
      ...examples.map(({ container, csi, name }) => pod(name, csi, container)),
      pod('apart', volume(bothStores, 'apart')),
      pod('rotating', volume({ ...bothStores, ...often }, 'rotating')),
      pod('lasting', volume({ ...bothStores, ...often, 'keystore-password-file': 'password' })),
      pod('other-keys', volume(bothStores, 'other-keys')),
      pod('newline', volume(bothStores, 'newline')),
      pod('no-secret', volume(bothStores, 'no-such-secret')),
      pod('no-reference', volume(bothStores)),
      pod('in-spec', volume({ ...bothStores, 'pkcs12-password': passwords.inSpec })),
    ]);
  });
  after(() => cluster?.stop());

  it('starts with each example of the page', async () => {
    assert.equal(examples.length, 8);
    for (const { name } of examples) await ready(name);
  });

  it('finds no files but those of its preset', async () => {
    const presets = {
      spiffe: ['cluster.local.spiffe-trust-bundle.pem', 'credential-bundle.private-key.pem'],
      istio: ['cert-chain.pem', 'key.pem', 'root-cert.pem'],
      gke: [
        'ca_certificates.pem',
        'certificates.pem',
        'private_key.pem',
        'x509.credential-bundle.private-key.pem',
      ],
    };
    for (const [name, files] of Object.entries(presets)) {
      const found = (await exec(name, 'ls', folder)).trim().split('\n');
      assert.deepEqual(found.sort(), [...files, 'certificate.json', 'generation'].sort());
    }
  });

  it('finds its credentials by the variable of the SPIFFE draft: the key, then the chain', async () => {
    const inFolder = (command: string): Promise<string> =>
      exec('spiffe', 'sh', '-c', `cd "$SPIFFE_CREDENTIAL_FOLDER" && ${command}`);
    const bundle = await inFolder('cat credential-bundle.private-key.pem');
    assert.deepEqual(
      [...bundle.matchAll(/^-----BEGIN (.*)-----$/gm)].map(([, type]) => type),
      ['PRIVATE KEY', 'CERTIFICATE'],
    );
    const verified = await inFolder(
      'openssl verify -CAfile cluster.local.spiffe-trust-bundle.pem credential-bundle.private-key.pem',
    );
    assert.equal(verified, 'credential-bundle.private-key.pem: OK\n');
  });

  it('reads in certificate.json what OpenSSL reads in the certificate', async () => {
    const read = `console.log(require('${folder}/certificate.json').serialNumber)`;
    const serial = (await exec('cert-manager', 'node', '--eval', read)).trim();
    const openssl = `openssl x509 -noout -serial -in ${folder}/tls.crt`;
    const printed = await exec('cert-manager', ...openssl.split(' '));
    assert.equal(printed, `serial=${serial}\n`);
  });

  describe('with key stores whose passwords the kubelet takes from a Secret', () => {
    it('opens each with the password of its format', async () => {
      await ready('apart');
      assert.equal(await keyInPkcs12('apart', passwords.pkcs12), await keyIn('apart'));
      assert.equal(await jksKey('apart', passwords.jks), await keyIn('apart'));
      await assert.rejects(keyInPkcs12('apart', passwords.jks), /Mac verify error/);
      await assert.rejects(jksKey('apart', passwords.pkcs12), /digest of the store is wrong/);
    });

    it('opens the stores with the one password for all formats', async () => {
      await ready('keystore');
      assert.equal(await keyInPkcs12('keystore', passwords.shared), await keyIn('keystore'));
    });

    it('opens the next generation with the new password when the Secret has changed', async () => {
      await ready('rotating');
      await eventually('the first password', () => keyInPkcs12('rotating', passwords.before));
      await cluster.controlPlane.apply([secret('rotating', { 'keystore-password': passwords.after })]);
      await eventually('the new password', () => keyInPkcs12('rotating', passwords.after), 60_000);
      await eventually('the JKS file under it', () => jksKey('rotating', passwords.after));
      await assert.rejects(keyInPkcs12('rotating', passwords.before), /Mac verify error/);
    });

    for (const [name, why, message] of [
      ['other-keys', 'has none of the keys', /must have the key pkcs12-password, or keystore-password/],
      ['newline', 'has a newline in it', /keystore-password in the Secret: must not have control characters/],
      ['no-secret', 'does not exist', /"no-such-secret" not found/],
      ['no-reference', 'is not named', /nodePublishSecretRef: .* or set keystore-password-file/],
    ] as const)
      it(`does not start when the Secret ${why}, and is told so`, () => assertRefused(name, message));

    it('starts as soon as its Secret has the key', async () => {
      await cluster.controlPlane.apply([secret('other-keys', { 'keystore-password': passwords.shared })]);
      await ready('other-keys');
      assert.equal(await keyInPkcs12('other-keys', passwords.shared), await keyIn('other-keys'));
    });
  });

  it('does not start with a password in its spec, and is told what to do instead', async () => {
    await assertRefused(
      'in-spec',
      /pkcs12-password: .*put it into a Secret that nodePublishSecretRef .*or set keystore-password-file/,
    );
  });

  it('opens the stores of every generation with the one password that the driver has made', async () => {
    await ready('lasting');
    const password = await exec('lasting', 'cat', `${folder}/password`);
    assert.match(password, /^[\w-]{32}$/);
    await eventually(
      'a renewal',
      async () => Number(await exec('lasting', 'cat', `${folder}/generation`)) > 1 || undefined,
    );
    assert.equal(await exec('lasting', 'cat', `${folder}/password`), password);
    assert.ok(await keyInPkcs12('lasting', password));
    assert.ok(await jksKey('lasting', password));
    const made = await exec('keystore-password-file', 'cat', `${folder}/keystore-password`);
    assert.notEqual(made, password, 'another volume has another one');
    assert.equal(await jksKey('keystore-password-file', made), await keyIn('keystore-password-file'));
  });

  it('leaves no password in logs, Events, requests or the records of the driver', async () => {
    const made = [
      await exec('lasting', 'cat', `${folder}/password`),
      await exec('keystore-password-file', 'cat', `${folder}/keystore-password`),
    ];
    const known = [...Object.values(passwords), ...made];
    const told = mkdtempSync(join(tmpdir(), 'certmount-told-'));
    try {
      const collect = async (file: string, ...args: string[]): Promise<void> =>
        writeFileSync(join(told, file), await kubectl(...args));
      for (const program of ['driver', 'controller']) {
        const label = `app.kubernetes.io/name=certmount-${program}`;
        await collect(`${program}.log`, 'logs', '-n', 'certmount', '-l', label, '--tail=-1');
      }
      await collect('events.json', 'get', 'events', '-A', '-o', 'json');
      await collect('requests.json', 'get', 'certificaterequests', '-A', '-o', 'json');
      assert.match(readFileSync(join(told, 'events.json'), 'utf8'), /pkcs12-password/);
      assert.match(readFileSync(join(told, 'driver.log'), 'utf8'), /pkcs12-password/);
      assert.deepEqual(findSecrets(told, known), []);
    } finally {
      rmSync(told, { recursive: true });
    }
    const records = cluster.node.path(pluginDir);
    assert.ok(readdirSync(join(records, 'volumes')).length >= 3);
    assert.deepEqual(findSecrets(records, known), []);
  });

  function ready(name: string): Promise<string> {
    return kubectl('wait', '-n', 'web', `pod/${name}`, '--for=condition=Ready', '--timeout=60s');
  }

  function exec(name: string, ...command: string[]): Promise<string> {
    return kubectl('exec', '-n', 'web', name, '--', ...command);
  }

  /** In PEM, as OpenSSL writes it. */
  function keyIn(name: string): Promise<string> {
    return exec(name, 'openssl', 'pkey', '-in', `${folder}/tls.key`);
  }

  async function keyInPkcs12(name: string, password: string): Promise<string> {
    const open = `openssl pkcs12 -in ${folder}/keystore.p12 -passin pass:${password} -nocerts -nodes`;
    return exec(name, 'sh', '-ec', `key=$(${open}); echo "$key" | openssl pkey`);
  }

  /** Read from outside: there is no Java in the image. */
  async function jksKey(name: string, password: string): Promise<string> {
    const store = cluster.node.path(`${await volumeOf(name)}/keystore.jks`);
    const [{ pkcs8 } = {}] = readJks(readFileSync(store), password);
    assert.ok(pkcs8);
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
      .export({ format: 'pem', type: 'pkcs8' })
      .toString();
  }

  async function assertRefused(name: string, message: RegExp): Promise<void> {
    const events = await eventually('the reason among the events', async () => {
      const text = await kubectl('describe', 'pod', '-n', 'web', name);
      return text.includes('FailedMount') ? text : undefined;
    });
    assert.match(events, message);
    const path = '{.status.containerStatuses[0].state.waiting.reason}';
    const reason = await kubectl('get', 'pod', '-n', 'web', name, '-o', `jsonpath=${path}`);
    assert.equal(reason, 'ContainerCreating');
    assert.ok(!cluster.node.mountinfo().includes(await volumeOf(name)), 'nothing is mounted');
  }

  async function volumeOf(name: string): Promise<string> {
    const uid = await kubectl('get', 'pod', '-n', 'web', name, '-o', 'jsonpath={.metadata.uid}');
    return `/var/lib/kubelet/pods/${uid}/volumes/kubernetes.io~csi/identity/mount`;
  }
});

function secret(name: string, stringData: Attributes): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'web', name }, stringData };
}

function volume(volumeAttributes: Attributes, secretName?: string): Csi {
  const csi = { driver: 'csi.certmount.io', readOnly: true, volumeAttributes };
  return secretName === undefined ? csi : { ...csi, nodePublishSecretRef: { name: secretName } };
}

/** @param container as far as the page shows it */
function pod(name: string, csi: Csi, container: Partial<Container> = {}): object {
  const made = workloadPod({ name, namespace: 'web' }) as { spec: { containers: Container[] } };
  const volumeMounts = [{ name: 'identity', mountPath: folder, readOnly: true }];
  const containers = made.spec.containers.map((whole) => ({ ...whole, volumeMounts, ...container }));
  return { ...made, spec: { ...made.spec, containers, volumes: [{ name: 'identity', csi }] } };
}

function csiOf({ csi, volumeAttributes, volumes }: Example): Csi {
  return csi ?? volumes?.[0]?.csi ?? volume(volumeAttributes ?? assert.fail('an example without a volume'));
}

/** By what the example is about. */
function nameOf({ nodePublishSecretRef, volumeAttributes }: Csi): string {
  const { preset, ...others } = volumeAttributes;
  const [last = ''] = Object.keys(others).slice(-1);
  return preset ?? nodePublishSecretRef?.name ?? (last === 'issuer-kind' ? 'cert-manager' : last);
}
