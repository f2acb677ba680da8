import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { VolumeOfPod } from '../../support/csi-client.ts';

export interface VolumesSeen {
  /** What is wrong, one line each. */
  readonly problems: readonly string[];
  /** Until the first certificate expires; negative when one has. undefined without volumes. */
  readonly leastRemainingSeconds: number | undefined;
}

interface Known {
  readonly certificate: string;
  readonly key: string;
  readonly notAfter: number;
}

/** Reads every volume as its pod would and looks whether it is whole and valid. */
export class VolumeChecker {
  /** Keys seen, PEM: for the search for secrets. */
  readonly keys = new Set<string>();
  #certificates = 0;
  readonly #known = new Map<string, Known>();
  readonly #onNode: (path: string) => string;

  constructor(onNode: (path: string) => string) {
    this.#onNode = onNode;
  }

  /** Different ones seen. */
  get certificates(): number {
    return this.#certificates;
  }

  check(volumes: Iterable<VolumeOfPod>, now: number): VolumesSeen {
    const problems: string[] = [];
    const ids = new Set<string>();
    let least: number | undefined;
    for (const volume of volumes) {
      ids.add(volume.volumeId);
      try {
        const remaining = (this.#read(volume) - now) / 1000;
        if (remaining <= 0) problems.push(`${volume.pod.name}: expired ${-remaining} s ago`);
        least = Math.min(least ?? remaining, remaining);
      } catch (error) {
        problems.push(`${volume.pod.name}: ${(error as Error).message}`);
      }
    }
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    return { problems, leastRemainingSeconds: least };
  }

  /** @returns notAfter */
  #read({ targetPath, volumeId }: VolumeOfPod): number {
    const volume = this.#onNode(targetPath);
    const generation = join(volume, readlinkSync(join(volume, '..data')));
    const read = (name: string): string => readFileSync(join(generation, name), 'utf8');
    const [key, certificate] = [read('tls.key'), read('tls.crt')];
    const known = this.#known.get(volumeId);
    // What was found good already is not parsed again.
    if (known?.key === key && known.certificate === certificate) return known.notAfter;
    const leaf = new X509Certificate(certificate);
    if (!leaf.checkPrivateKey(createPrivateKey(key))) throw new Error('key and certificate do not match');
    if (!leaf.verify(new X509Certificate(read('ca.crt')).publicKey)) throw new Error('not signed by ca.crt');
    if (read('credential-bundle.pem') !== key + certificate) throw new Error('the bundle has another pair');
    const notAfter = leaf.validToDate.getTime();
    this.#known.set(volumeId, { key, certificate, notAfter });
    this.#certificates += 1;
    this.keys.add(key);
    return notAfter;
  }
}
