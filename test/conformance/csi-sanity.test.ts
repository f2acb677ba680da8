import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { publishRequest } from '../support/csi-client.ts';
import { eventually } from '../support/eventually.ts';
import { findSecrets } from '../support/find-secrets.ts';
import { DriverWorld } from '../integration/driver/support/driver-world.ts';
import { ControllerShim } from './support/controller-shim.ts';
import { type CsiSanityResult, runCsiSanity, type Spec } from './support/run-csi-sanity.ts';

/** Groups that are about services which this driver does not have; the shim's own controller service is no part of it. */
const foreignGroups = String.raw`\[Controller Server\]|\[GroupController`;
/** Of the specs of a node service, these ask for a volume that only a controller service can make (kubernetes-csi/csi-test#214). */
const needController =
  'should remove target path|should fail when volume does not exist on the specified path';

/** Why a spec of the Identity and Node services is not run: by what csi-sanity says, each with the reason here. */
const reasons: Readonly<Record<string, string>> = {
  'NodeStageVolume not supported': 'inline volumes are not staged',
  'NodeUnstageVolume not supported': 'inline volumes are not staged',
  'NodeExpandVolume not supported': 'a volume has a fixed size',
  'NodeGetVolumeHealth not supported':
    'the condition is part of NodeGetVolumeStats, where the kubelet looks for it',
  'NodeGetStorageHealth not supported': 'there is no storage behind the volumes',
};
/** With the shim in between every other spec of the two services has to be run. */
const withController = 18;
const withoutController = 13;

const [password, token] = [randomBytes(24).toString('base64url'), randomBytes(48).toString('base64url')];

describe('csi-sanity', { timeout: 300_000 }, () => {
  let world: DriverWorld;
  let shim: ControllerShim;
  before(async () => {
    world = await DriverWorld.start();
    shim = await ControllerShim.start({
      socket: join(world.directory, 'shim.sock'),
      driverSocket: world.socket,
    });
  });
  after(async () => {
    shim?.stop();
    await world?.stop();
  });

  async function run(
    endpoint: string,
    skip: string,
    flags: readonly string[] = [],
  ): Promise<CsiSanityResult> {
    const directory = join(world.kubeletDir, 'sanity');
    mkdirSync(directory);
    try {
      const result = await runCsiSanity({ endpoint, directory, skip, flags });
      assert.deepEqual(readdirSync(directory), ['report.json'], 'target and staging path are gone');
      return result;
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  it('called directly: passes what can be asked of a driver without a controller service', async (test) => {
    const { output, specs } = await run(world.socket, `${foreignGroups}|${needController}`);
    report(test, specs);
    assert.deepEqual(namesOf(specs, 'failed'), [], output);
    assert.equal(namesOf(specs, 'passed').length, withoutController, output);
  });

  it('through a controller shim: passes every spec of the Identity and Node services that applies', async (test) => {
    // The password of the key store comes with every call, as from a pod's nodePublishSecretRef.
    const volume = await world.newVolume({ 'pkcs12-enable': 'true' });
    const secrets = join(dirname(volume.targetPath), 'secrets.json');
    const parameters = join(dirname(volume.targetPath), 'parameters.json');
    // JSON is YAML. The context of the kubelet's call, for a pod that is there: every publish really issues.
    writeFileSync(parameters, JSON.stringify(publishRequest(volume).volume_context));
    const NodePublishVolumeSecret = {
      'keystore-password': password,
      'csi.storage.k8s.io/serviceAccount.tokens': JSON.stringify({ certmount: { token } }),
    };
    writeFileSync(secrets, JSON.stringify({ NodePublishVolumeSecret }));
    const { output, specs } = await run(join(world.directory, 'shim.sock'), foreignGroups, [
      `--csi.secrets=${secrets}`,
      `--csi.testvolumeparameters=${parameters}`,
    ]);
    report(test, specs);
    assert.deepEqual(namesOf(specs, 'failed'), [], output);
    for (const name of ['should work', 'should be idempotent', 'should remove target path']) {
      assert.ok(
        namesOf(specs, 'passed').some((passed) => passed.endsWith(name)),
        `${name}:\n${output}`,
      );
    }
    assert.equal(namesOf(specs, 'passed').length, withController, output);
    const unexplained = skippedItself(specs).filter(({ message }) => reasons[message] === undefined);
    assert.deepEqual(unexplained, []);
    // One, ten, and one each of the two specs about the target path; the rest are refused.
    assert.ok((shim.forwarded.get('NodePublishVolume') ?? 0) >= 13);
  });

  it('left no trace of the secrets that came with the calls', async () => {
    const logs = join(world.directory, 'logs');
    mkdirSync(logs);
    writeFileSync(join(logs, 'driver.log'), world.driver.log.map((line) => JSON.stringify(line)).join('\n'));
    writeFileSync(join(logs, 'metrics'), (await world.driver.get('/metrics')).text);
    writeFileSync(
      join(logs, 'events'),
      await world.controlPlane.kubectl(['get', 'events', '-A', '-o', 'yaml']),
    );
    assert.deepEqual(findSecrets(logs, [password, token]), []);
  });

  it('leaves nothing on the node and no request', async () => {
    assert.deepEqual(readdirSync(world.stateDir), []);
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(world.directory));
    await eventually('the requests to go', async () => {
      const { items } = await world.requests.list({ namespace: 'web' });
      return items.length === 0 || undefined;
    });
  });
});

function namesOf(specs: readonly Spec[], state: Spec['state']): string[] {
  return specs.filter((spec) => spec.state === state).map(({ name }) => name);
}

function skippedItself(specs: readonly Spec[]): Spec[] {
  return specs.filter(({ message, state }) => state === 'skipped' && message !== '');
}

function report(test: TestContext, specs: readonly Spec[]): void {
  const skipped = skippedItself(specs);
  test.diagnostic(
    `csi-sanity: ${namesOf(specs, 'passed').length} passed, ${skipped.length} of the two services skipped`,
  );
  for (const { message, name } of skipped)
    test.diagnostic(`skipped: ${name}: ${reasons[message] ?? message}`);
}
