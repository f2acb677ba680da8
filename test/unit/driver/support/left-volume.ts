import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { type KeyEncoding, encodePrivateKey, generateKey, type KeySpec } from '../../../../src/pki/index.ts';
import { parseSource } from './builders.ts';
import type { VolumeSource } from '../../../../src/driver/volume/volumes.ts';
import type { TestNode } from './test-node.ts';

export interface LeftOptions {
  readonly key?: KeySpec;
  readonly encoding?: KeyEncoding;
  /** Names of certificate, key and anchors. */
  readonly names?: readonly [string, string, string];
  /** When it was issued, milliseconds since the epoch. */
  readonly at?: number;
}

/** What lies in a volume of cert-manager's drivers, as they write it, ready to be mounted. */
export async function leftFiles(
  node: TestNode,
  source: VolumeSource,
  options: LeftOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const { at = node.clock.now(), encoding = 'PKCS8', names = ['tls.crt', 'tls.key', 'ca.crt'] } = options;
  const key = await generateKey(options.key ?? { algorithm: 'ECDSA', size: 256 });
  const spec = parseSource(source, undefined, { compatibility: node.compatibility });
  const [certificateName, keyName, caName] = names;
  return new Map([
    [certificateName, await node.authority.issue(spec, key, at)],
    [keyName, encodePrivateKey(key, encoding)],
    [caName, node.authority.certificate.pem],
  ]);
}

/** Mounts them as another driver does: in a folder of its own tmpfs, by the kubelet's atomic writer as Go has it. */
export function leaveVolume(
  node: TestNode,
  target: string,
  files: ReadonlyMap<string, string>,
  generation = '..2026_01_01_00_00_00.1234567890',
): void {
  const folder = fs.mkdtempSync(join(node.directory, 'left-'));
  fs.mkdirSync(join(folder, generation), { mode: 0o755 });
  for (const [name, text] of files) {
    fs.writeFileSync(join(folder, generation, name), text, { mode: 0o440 });
    fs.symlinkSync(join('..data', name), join(folder, name));
  }
  fs.symlinkSync(generation, join(folder, '..data'));
  node.kernel.bindReadOnly(folder, target);
}

/** What is left in the other driver's tmpfs once the volumes are off the node. */
export function remainsInOtherTmpfs(node: TestNode): string[] {
  return fs
    .readdirSync(node.directory)
    .filter((name) => name.startsWith('left-'))
    .flatMap((name) => fs.readdirSync(join(node.directory, name)));
}

/** Checks that key and certificate belong together, and gives the serial number. */
export function serialIn(target: string, certificate = 'tls.crt', key = 'tls.key'): string {
  const leaf = new X509Certificate(fs.readFileSync(join(target, certificate)));
  assert.ok(leaf.checkPrivateKey(createPrivateKey(fs.readFileSync(join(target, key)))), 'they match');
  return leaf.serialNumber;
}
