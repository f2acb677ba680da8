import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findBinaries } from '../cluster/binaries.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { stderrLog } from '../cluster/log.ts';
import { ProgramProcess } from '../support/program-process.ts';

/** The specs that a node-only driver can have run: the rest needs a controller service (kubernetes-csi/csi-test#214). */
const skipped = String.raw`\[Controller Server\]|should remove target path|should fail when volume does not exist on the specified path`;
const applicable = 13;

describe('csi-sanity', { timeout: 300_000 }, () => {
  let controlPlane: ControlPlane;
  let driver: ProgramProcess;
  let socket: string;

  before(async () => {
    controlPlane = await startControlPlane({ controllerManager: false, log: stderrLog });
    await controlPlane.applyPath(join(import.meta.dirname, '../../deploy/crds'));
    socket = join(controlPlane.dir, 'csi.sock');
    const kubeletDir = join(controlPlane.dir, 'kubelet');
    mkdirSync(kubeletDir);
    driver = new ProgramProcess({
      program: 'driver',
      flags: [
        '--kubeconfig',
        controlPlane.adminKubeconfig,
        '--node-id',
        'sanity',
        '--endpoint',
        `unix://${socket}`,
        '--kubelet-dir',
        kubeletDir,
      ],
    });
    await driver.saying('serving');
  });
  after(async () => {
    await driver?.end();
    await controlPlane?.stop();
  });

  it(`passes its ${applicable} Identity and Node specs`, async (test) => {
    const binaries = await findBinaries(['csi-sanity'], { log: stderrLog });
    const { exitCode, output } = await run(binaries['csi-sanity'], [
      `--csi.endpoint=${socket}`,
      `--csi.mountdir=${join(controlPlane.dir, 'kubelet/sanity-target')}`,
      `--csi.stagingdir=${join(controlPlane.dir, 'kubelet/sanity-staging')}`,
      `--ginkgo.skip=${skipped}`,
      '--ginkgo.no-color',
    ]);
    const passed = Number(/(\d+) Passed/.exec(output)?.[1]);
    test.diagnostic(`csi-sanity: ${/\d+ Passed.*$/m.exec(output)?.[0]}`);
    assert.equal(exitCode, 0, output);
    assert.ok(passed >= applicable, output);
  });
});

function run(command: string, args: readonly string[]): Promise<{ exitCode: number | null; output: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, output }));
  });
}
