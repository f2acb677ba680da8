import { existsSync } from 'node:fs';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderGeneration } from '../../../src/driver/volume/files/render-generation.ts';
import { VolumeFiles } from '../../../src/driver/volume/files/volume-files.ts';
import type { VolumeSpec } from '../../../src/driver/volume/volume-spec.ts';
import { encodePrivateKey, parseCertificate, parseChain } from '../../../src/pki/index.ts';
import { Authority, newKey } from '../../unit/driver/support/authority.ts';
import { hour, parseSource, sourceOf } from '../../unit/driver/support/builders.ts';

/** What one end of a mutual TLS connection brings along, PEM. */
export interface Credentials {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

export interface VolumeOptions {
  /** `volumeAttributes` of the pod. */
  readonly attributes: Readonly<Record<string, string>>;
  /** `fsGroup` of the pod. */
  readonly group?: number;
}

/** A volume as the driver lays it out, whose certificate is replaced when a test says so. */
export class RotatingVolume {
  readonly path: string;
  readonly #spec: VolumeSpec;
  readonly #files = new VolumeFiles({}, { fs, now: () => new Date() });
  #signer: Authority;
  #trusted: Authority[];
  #generation = 0;

  private constructor(path: string, spec: VolumeSpec, authority: Authority) {
    this.path = path;
    this.#spec = spec;
    this.#signer = authority;
    this.#trusted = [authority];
  }

  /** With a certificate in it, as a container finds it. */
  static async create({ attributes, group }: VolumeOptions): Promise<RotatingVolume> {
    const path = fs.mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'certmount-volume-'));
    // As the driver mounts it; the group comes with the files.
    fs.chmodSync(path, 0o550);
    const spec = parseSource({ ...sourceOf(path, attributes), mountGroup: group });
    const volume = new RotatingVolume(path, spec, await Authority.create(Date.now(), 'first authority'));
    await volume.rotate();
    return volume;
  }

  /** @returns the new certificate's serial number, as `node:tls` has it */
  async rotate(): Promise<string> {
    const now = Date.now();
    const key = await newKey();
    const chain = parseChain(await this.#signer.issue(this.#spec, key, now));
    const [leaf, ...intermediates] = chain;
    if (leaf === undefined) throw new Error('an empty chain');
    const anchors = this.#trusted.map(({ certificate }) => certificate);
    this.#generation += 1;
    const context = { generation: this.#generation, renewAt: now + hour, password: undefined };
    this.#files.write(
      this.path,
      renderGeneration(this.#spec, key, { chain: [leaf, ...intermediates], anchors }, context),
    );
    return leaf.serialNumber.toUpperCase();
  }

  /** What comes after is signed by the other authority; both are trusted, as they are while one succeeds the other. */
  succeed(authority: Authority): void {
    this.#signer = authority;
    this.#trusted = [...this.#trusted, authority];
  }

  /** Of a client of the authority, by default the present one; it trusts this volume's certificates. */
  async client(commonName: string, authority = this.#signer): Promise<Credentials> {
    const key = await newKey();
    const subject = { commonName };
    const cert = await authority.issue(this.#spec, key, Date.now(), { subject });
    const trusted = new Set([...this.#trusted, authority]);
    return {
      key: encodePrivateKey(key, 'PKCS8'),
      cert: parseCertificate(cert).pem,
      ca: [...trusted].map(({ certificate }) => certificate.pem).join(''),
    };
  }

  remove(): void {
    fs.rmSync(this.path, { recursive: true, force: true });
  }
}
