import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import type { VolumesReport } from '../../src/api/volume-report.ts';
import { recordsDirectory } from '../../src/driver/options.ts';
import { root } from '../../tools/run-command.ts';

const program = ['--disable-warning=ExperimentalWarning', join(root, 'src/main.ts')];

/** Far more than a pipe and what reads from it hold. */
const volumes = 3_000;

function writeRecords(stateDir: string): string[] {
  const flags = ['--state-dir', stateDir, '--endpoint', `unix://${stateDir}/csi.sock`];
  const directory = recordsDirectory({ stateDir, endpoint: `unix://${stateDir}/csi.sock` });
  mkdirSync(directory, { recursive: true });
  const context = Object.fromEntries(
    ['pod.name', 'pod.namespace', 'pod.uid', 'serviceAccount.name'].map((name) => [
      `csi.storage.k8s.io/${name}`,
      'x',
    ]),
  );
  for (let index = 0; index < volumes; index += 1) {
    const volumeId = `csi-${index}`;
    const record = { version: 1, volumeId, targetPath: '/nowhere', context, request: 'r' };
    writeFileSync(join(directory, `${volumeId}.json`), JSON.stringify(record));
  }
  return flags;
}

describe('certmount with its output in a pipe', () => {
  it('prints all of it, however slow its reader is', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'certmount-main-'));
    try {
      const flags = writeRecords(stateDir);
      const child = spawn(process.execPath, [...program, 'volumes', ...flags], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      // It must not end before what it printed was taken from it.
      const ended = await Promise.race([
        once(child, 'exit').then(() => true),
        once(child.stdout, 'readable')
          .then(() => new Promise((resolve) => setTimeout(resolve, 500)))
          .then(() => false),
      ]);
      const report = JSON.parse(await text(child.stdout)) as VolumesReport;
      assert.equal(report.volumes.length, volumes);
      assert.equal(ended, false);
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  });

  it('steers no terminal with what others have written', async () => {
    const policy = join(root, 'deploy/policies/default-policy.yaml');
    const child = spawn(process.execPath, [...program, 'policy', 'test', '-f', `\u001b[2J${policy}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    assert.match(out + err, /\\u001b\[2J/);
    assert.ok(!(out + err).includes('\u001b'));
  });
});

describe('certmount without a command that there is', () => {
  const call = async (...argv: string[]) => {
    const child = spawn(process.execPath, [...program, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = once(child, 'exit');
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = (await ended) as [number];
    return { code, out, err };
  };

  it('says so, and that the command line makes no sense', async () => {
    const [none, unknown, half] = await Promise.all([call(), call('identites'), call('policy', 'tset')]);
    assert.deepEqual([none.code, none.err.split('\n')[0]], [64, 'no command is given']);
    assert.deepEqual(
      [unknown.code, unknown.err.split('\n')[0]],
      [64, 'unknown command "identites": did you mean identities?'],
    );
    assert.deepEqual(
      [half.code, half.err.split('\n')[0]],
      [64, 'unknown command "policy tset": did you mean policy test?'],
    );
  });

  it('helps in every way that is asked for help', async () => {
    const [help, one, two] = await Promise.all([
      call('help'),
      call('help', 'identity'),
      call('help', 'policy', 'test'),
    ]);
    assert.match(help.out, /^Usage: certmount COMMAND.*^ {2}policy test /ms);
    assert.match(one.out, /^Usage: certmount identity POD \[flags\]\n/);
    assert.match(two.out, /^Usage: certmount policy test \[flags\]\n/);
    assert.deepEqual([help.code, one.code, two.code], [0, 0, 0]);
  });
});
