import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { anchorSets, anchorsHash } from '../../../../src/api/anchor-set.ts';
import type { AnchorSet } from '../../../../src/api/anchor-set.ts';
import type { CertificateRequest } from '../../../../src/api/certificate-request.ts';
import { getCondition } from '../../../../src/api/condition.ts';
import type { Condition } from '../../../../src/api/condition.ts';
import { secrets } from '../../../../src/api/core.ts';
import type { Secret } from '../../../../src/api/core.ts';
import { issuers } from '../../../../src/api/issuer.ts';
import { nodeTrusts } from '../../../../src/api/node-trust.ts';
import { isKubeError } from '../../../../src/kube/index.ts';
import type { ObjectKey } from '../../../../src/kube/index.ts';
import { eventually } from '../../../support/eventually.ts';
import { fromBase64, newCa } from '../../../unit/controller/builders.ts';
import type { TestCa } from '../../../unit/controller/builders.ts';
import { ControllerProcess } from '../../controller/support/controller-process.ts';
import { World } from '../../controller/support/world.ts';

const run = promisify(execFile);
const day = 24 * 60 * 60 * 1000;
const issuer = { namespace: 'web', name: 'ca' };
const setName = 'issuer.web.ca';
const driverName = 'csi.certmount.io';

/** A CA that is valid now; a root, or what `parent` signs. */
export function currentCa(commonName: string, parent?: TestCa): Promise<TestCa> {
  return newCa({
    subject: { commonName },
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + (parent ? 300 : 365) * day),
    ...(parent && { parent }),
  });
}

/** The issuer `web/ca`, a controller of its own process, and nodes that report as drivers do. */
export class RotationWorld {
  readonly world: World;
  readonly #kubeconfig: string;
  /** What the volumes of each node trust. */
  readonly #nodes = new Map<string, string>();
  #controller: ControllerProcess | undefined;

  private constructor(world: World, kubeconfig: string) {
    this.world = world;
    this.#kubeconfig = kubeconfig;
  }

  static async start(root: TestCa): Promise<RotationWorld> {
    const world = await World.startWithCa(root);
    return new RotationWorld(world, await world.controllerKubeconfig());
  }

  async stop(): Promise<void> {
    await this.#controller?.end('SIGKILL');
    await this.world.stop();
  }

  async startController(flags: readonly string[] = ['--leader-elect=false']): Promise<ControllerProcess> {
    const controller = new ControllerProcess(this.#kubeconfig, flags);
    this.#controller = controller;
    await eventually('the controller to be ready', async () => (await controller.ready()) || undefined);
    return controller;
  }

  async kill(): Promise<void> {
    await this.#controller?.end('SIGKILL');
    this.#controller = undefined;
  }

  async replaceCa(ca: TestCa, chain: readonly TestCa[] = []): Promise<void> {
    await this.world.putCa(issuer, ca, chain);
  }

  async annotate(annotations: Record<string, string | null>): Promise<void> {
    await this.world.client.resource(issuers).patch(issuer, { metadata: { annotations } });
  }

  /** The issuer's AnchorSet, or another one, once it publishes exactly these. */
  whenPublished(cas: readonly TestCa[], name = setName, timeoutMs = 20_000): Promise<AnchorSet> {
    return eventually(
      `${cas.length} anchors to be published`,
      async () => {
        const set = await this.anchorSet(name);
        const published = set.spec.anchors.split('-----BEGIN').length - 1;
        return published === cas.length && cas.every(({ pem }) => set.spec.anchors.includes(pem.trim()))
          ? set
          : undefined;
      },
      timeoutMs,
    );
  }

  anchorSet(name = setName): Promise<AnchorSet> {
    return this.world.client.resource(anchorSets).get({ name });
  }

  /** The volumes of a node, which have their anchors from this set, are given what is published now. */
  async apply(nodeName: string, name = setName): Promise<void> {
    const { spec } = await this.anchorSet(name);
    this.#nodes.set(nodeName, spec.anchors);
    const set = { name, hash: anchorsHash(spec.anchors), volumes: 1, behind: 0 };
    await this.world.client.resource(nodeTrusts).apply(
      {
        metadata: { name: `${nodeName}.${driverName}` },
        spec: { nodeName, driverName, sets: [set] },
      },
      { fieldManager: 'test', force: true },
    );
  }

  /** The issuer's CARotation condition once its reason is this. */
  whenRotation(reason: string, timeoutMs = 30_000): Promise<Condition> {
    return eventually(
      `CARotation to be ${reason}`,
      async () => {
        const { status } = await this.world.client.resource(issuers).get(issuer);
        const condition = getCondition(status?.conditions, 'CARotation');
        return condition?.reason === reason ? condition : undefined;
      },
      timeoutMs,
    );
  }

  /** Where it stands, for the message of a test that waits in vain. */
  async state(): Promise<string> {
    const [{ spec, status }, { items }, { status: issuerStatus }] = await Promise.all([
      this.anchorSet(),
      this.world.client.resource(nodeTrusts).list(),
      this.world.client.resource(issuers).get(issuer),
    ]);
    const { message, reason } = getCondition(issuerStatus?.conditions, 'CARotation') ?? {};
    const nodes = items.map(({ metadata, spec: { sets } }) => `${metadata.name} ${sets[0]?.hash}`);
    const published = `sequence ${spec.sequence}, hash ${anchorsHash(spec.anchors)}`;
    return `${reason}: ${message}; ${published}, ${JSON.stringify(status?.coverage)}; ${nodes.join()}`;
  }

  async previousSecret(): Promise<Secret | undefined> {
    try {
      const key = { namespace: 'web', name: 'ca-certmount-previous' };
      return await this.world.client.resource(secrets).get(key);
    } catch (error) {
      if (isKubeError(error, 'not-found')) return undefined;
      throw error;
    }
  }

  /** Has a certificate issued now. */
  async issue(timeoutMs = 10_000): Promise<CertificateRequest> {
    return this.world.whenReady(await this.request(), 'Issued', timeoutMs);
  }

  request(): Promise<ObjectKey> {
    return this.world.request({ duration: '1h' });
  }

  /** Which of these CAs issued the certificate, as OpenSSL finds by verifying against each of them. */
  async signerOf({ status }: CertificateRequest, cas: readonly TestCa[]): Promise<TestCa> {
    const chain = fromBase64(status?.certificate);
    const found: TestCa[] = [];
    for (const ca of cas) if (await verifies(chain, ca.pem)) found.push(ca);
    const [only, ...more] = found;
    assert.ok(only && more.length === 0, `signed by one of them, not by ${found.length}`);
    return only;
  }

  /** Fails unless every node's volumes trust the certificate, and its own status.ca does. */
  async checkTrusted({ status }: CertificateRequest): Promise<void> {
    const chain = fromBase64(status?.certificate);
    assert.ok(await verifies(chain, fromBase64(status?.ca)), 'status.ca verifies it');
    for (const [node, anchors] of this.#nodes) {
      assert.ok(await verifies(chain, anchors), `${node} trusts it`);
    }
  }
}

async function verifies(chain: string, anchors: string): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'certmount-openssl-'));
  try {
    const [caFile, chainFile] = [join(folder, 'ca.pem'), join(folder, 'chain.pem')];
    await writeFile(caFile, anchors);
    await writeFile(chainFile, chain);
    await run('openssl', ['verify', '-CAfile', caFile, '-untrusted', chainFile, chainFile]);
    return true;
  } catch {
    return false;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
