import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { findBinaries, kubernetesVersion } from '../../cluster/binaries.ts';
import { buildGoTool } from '../../cluster/build/go-tool.ts';
import { withFileLock } from '../../cluster/process/file-lock.ts';

describe('finding the programs', () => {
  let folder: string;
  const lines: string[] = [];
  const log = (line: string): void => {
    lines.push(line);
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'certmount-binaries-'));
    lines.length = 0;
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('takes them from KUBEBUILDER_ASSETS', async () => {
    program(folder, 'kubectl');
    const env = { KUBEBUILDER_ASSETS: folder, XDG_CACHE_HOME: join(folder, 'cache') };
    assert.deepEqual(await findBinaries(['kubectl'], { env, log }), { kubectl: join(folder, 'kubectl') });
    assert.deepEqual(lines, []);
  });

  it('takes those that are not there from the cache, by version, checksums and platform', async () => {
    program(folder, 'kubectl');
    const cache = join(folder, 'cache');
    const env = { KUBEBUILDER_ASSETS: folder, XDG_CACHE_HOME: cache, PATH: '' };
    const kubelet = await cachedPath('kubelet', cache);
    program(join(kubelet, '..'), 'kubelet');
    const found = await findBinaries(['kubectl', 'kubelet'], { env, log });
    assert.deepEqual(found, { kubectl: join(folder, 'kubectl'), kubelet });
    assert.match(
      kubelet,
      new RegExp(`/kubernetes-${kubernetesVersion()}-[0-9a-f]{12}-linux-(x64|arm64)/kubelet$`),
    );
  });

  it('says what to do where there is no Go', async () => {
    const env = { XDG_CACHE_HOME: join(folder, 'cache'), PATH: folder };
    await assert.rejects(
      findBinaries(['kubelet'], { env, log }),
      /no `go` in PATH.*go\.dev\/dl.*KUBEBUILDER_ASSETS/s,
    );
    assert.match(lines.join('\n'), /building kubelet v1\.\d+\.\d+ from its Go module \(1 of 1/);
  });

  it('keeps nothing of a build that fails, and shows why', async () => {
    writeFileSync(join(folder, 'go.mod'), 'module example.test\ngo 1.26\n');
    writeFileSync(join(folder, 'main.go'), 'package main\nfunc main() { undefined() }\n');
    const tool = {
      name: 'broken',
      version: 'v0',
      moduleDirectory: folder,
      package: '.',
      linkerFlags: [],
      output: join(folder, 'out', 'broken'),
    };
    await assert.rejects(
      buildGoTool(tool, { log, env: process.env, isBuilt: () => false, progress: '1 of 1' }),
      /cannot build broken v0.*undefined: undefined/s,
    );
    assert.deepEqual(readdirSync(join(folder, 'out')), ['.lock']);
  });

  it('lets one builder in at a time', async () => {
    const path = join(folder, 'lock');
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    await Promise.all([1, 2, 3].map(async () => await withFileLock(path, () => {}, work)));
    assert.equal(most, 1);
  });
});

function program(folder: string, name: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), '#!/bin/sh\n');
  chmodSync(join(folder, name), 0o755);
}

/** Where a build would have gone. */
async function cachedPath(name: 'kubelet', cache: string): Promise<string> {
  await assert.rejects(findBinaries([name], { env: { XDG_CACHE_HOME: cache, PATH: cache }, log: () => {} }));
  const folder = readdirSync(join(cache, 'certmount', 'binaries'))[0];
  return join(cache, 'certmount', 'binaries', folder ?? '', name);
}
