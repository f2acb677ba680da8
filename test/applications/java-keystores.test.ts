import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  type Certificate,
  encodeJksKeystore,
  encodeJksTruststore,
  encodePkcs12Keystore,
  encodePkcs12Truststore,
  fingerprint,
  type KeySpec,
  parseRequest,
  samePublicKey,
} from '../../src/pki/index.ts';
import { type Identity, IdentityFactory } from './java/identities.ts';
import { Jdk, type StoreFiles } from './java/jdk.ts';
import { connectNode, NodeServer } from './java/node-peer.ts';

const password = 'correct horse';
const alias = 'Workload';
const rsa: KeySpec = { algorithm: 'RSA', size: 2048 };
const p256: KeySpec = { algorithm: 'ECDSA', size: 256 };
const ed25519: KeySpec = { algorithm: 'Ed25519' };

interface Format {
  readonly name: string;
  /** As java.security.KeyStore calls it. */
  readonly type: string;
  readonly keystore: (identity: Identity) => Buffer;
  readonly truststore: (anchors: readonly Certificate[]) => Buffer;
}

const formats: readonly Format[] = [
  ...(['Modern2023', 'LegacyDES', 'LegacyRC2'] as const).map((profile) => ({
    name: `PKCS #12 of profile ${profile}`,
    type: 'PKCS12',
    keystore: ({ key, chain }: Identity) => encodePkcs12Keystore({ key, chain, password, alias, profile }),
    truststore: (anchors: readonly Certificate[]) => encodePkcs12Truststore({ anchors, password, profile }),
  })),
  {
    name: 'JKS',
    type: 'JKS',
    keystore: ({ key, chain }) => encodeJksKeystore({ key, chain, password, alias, at: new Date() }),
    truststore: (anchors) => encodeJksTruststore({ anchors, password, at: new Date() }),
  },
];

let folder: string;
let jdk: Jdk;
let ours: IdentityFactory;
let strangers: IdentityFactory;
before(
  async () => {
    folder = await mkdtemp(join(tmpdir(), 'certmount-java-'));
    jdk = await Jdk.prepare(folder, password);
    [ours, strangers] = [await IdentityFactory.create(), await IdentityFactory.create()];
  },
  // Installing a JDK is part of it.
  { timeout: 300_000 },
);
after(async () => rm(folder, { recursive: true }));

async function writeStores(
  { keystore, truststore, type }: Format,
  identity: Identity,
  anchors: readonly Certificate[] = identity.anchors,
): Promise<StoreFiles> {
  const directory = await mkdtemp(join(folder, 'stores-'));
  const files = { type, keystore: join(directory, 'key'), truststore: join(directory, 'trust') };
  await writeFile(files.keystore, keystore(identity), { mode: 0o600 });
  await writeFile(files.truststore, truststore(anchors));
  return files;
}

for (const format of formats)
  describe(`stores in ${format.name}`, { timeout: 120_000 }, () => {
    it('are listed by keytool: one key with its chain, and each anchor as trusted', async () => {
      const identity = await ours.identity('api', p256);
      const anchors = [...identity.anchors, ...(await strangers.identity('api', p256)).anchors];
      const { keystore, truststore } = await writeStores(format, identity, anchors);
      assert.deepEqual(await jdk.list(keystore), [
        {
          // Java has aliases in lower case only.
          alias: 'workload',
          type: 'PrivateKeyEntry',
          fingerprints: identity.chain.map(({ der }) => fingerprint(der)),
        },
      ]);
      const trusted = anchors.map(({ der }) => fingerprint(der)).sort();
      assert.deepEqual(
        await jdk.list(truststore),
        trusted.map((print) => ({ alias: `ca-${print}`, type: 'trustedCertEntry', fingerprints: [print] })),
      );
    });

    for (const spec of [rsa, p256, ed25519])
      it(`give Java a key that signs: ${spec.algorithm}`, async () => {
        const identity = await ours.identity('api', spec);
        const { keystore } = await writeStores(format, identity);
        const request = parseRequest(await jdk.request(keystore, alias));
        assert.ok(samePublicKey(request.publicKey, identity.key));
      });

    it('let a Java server and a Java client do mutual TLS with each other and with Node, and with no stranger', async () => {
      const server = await ours.identity('server', rsa);
      const client = await ours.identity('client', ed25519);
      const node = await ours.identity('node', p256);
      const stranger = await strangers.identity('stranger', p256);
      const javaServer = await jdk.serve(await writeStores(format, server));
      const nodeServer = await NodeServer.start(node);
      const strangeServer = await NodeServer.start({ ...stranger, anchors: client.anchors });
      try {
        const ports = [javaServer.port, nodeServer.port, strangeServer.port];
        const [toJava, toNode, toStranger] = await jdk.connect(await writeStores(format, client), ...ports);
        assert.equal(toJava, `peer ${server.uri}`);
        assert.equal(await javaServer.outcome(), `peer ${client.uri}`);
        assert.equal(toNode, `peer ${node.uri}`);
        assert.deepEqual(await nodeServer.outcomes(), [`peer ${client.uri}`]);
        assert.match(String(toStranger), /^refused PKIX path/);

        assert.equal(await connectNode(node, javaServer.port), `peer ${server.uri}`);
        assert.equal(await javaServer.outcome(), `peer ${node.uri}`);
        const asStranger = { ...stranger, anchors: server.anchors };
        assert.match(await connectNode(asStranger, javaServer.port), /^refused /);
        assert.match(await javaServer.outcome(), /^refused PKIX path/);
      } finally {
        javaServer.stop();
        nodeServer.stop();
        strangeServer.stop();
      }
    });
  });
