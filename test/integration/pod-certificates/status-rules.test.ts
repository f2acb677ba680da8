import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { PodCertificateRequest } from '../../../src/api/pod-certificate-request.ts';
import { checkStatus } from '../../../src/controller/pod-certificates/check-status.ts';
import { isKubeError } from '../../../src/kube/index.ts';
import { newKey } from '../../unit/controller/builders.ts';
import { statusCases } from '../../unit/controller/pod-certificates/status-cases.ts';
import { PodCertificateWorld } from './support/pod-certificate-world.ts';
import { keyForms, podCertificates } from '../../support/pod-certificates.ts';

describe('our check of a status and that of the API server', { timeout: 120_000 }, () => {
  let world: PodCertificateWorld;

  before(async () => {
    world = await PodCertificateWorld.start();
  });
  after(() => world?.stop());

  for (const form of keyForms) {
    it(`say the same of every case, for a key sent as ${form}`, async () => {
      const key = await newKey();
      const pod = await world.createPod(`rules-${form}`, 'api');
      const request = await world.ask(pod, { form, key });
      const differences: string[] = [];
      for (const { what, status } of await statusCases(key, Date.now())) {
        const ours = checkStatus(request, status, Date.now());
        const theirs = await refusal({ ...request, status });
        if ((ours === undefined) !== (theirs === undefined)) {
          differences.push(`${what}: here ${ours?.message ?? 'taken'}, there ${theirs ?? 'taken'}`);
        }
      }
      assert.deepEqual(differences, []);
    });
  }

  it('say the same of a request that has its answer', async () => {
    const key = await newKey();
    const pod = await world.createPod('rules-terminal', 'api');
    const request = await world.ask(pod, { key });
    const cases = await statusCases(key, Date.now());
    const [denial] = cases.filter(({ what }) => what === 'a denial');
    assert.ok(denial);
    const resource = world.admin.resource(podCertificates);
    const answered = await resource.replaceStatus({ ...request, status: denial.status });
    for (const { what, status } of cases) {
      if (what === denial.what) continue;
      assert.ok(await refusal({ ...answered, status }), what);
      assert.ok(checkStatus(answered, status, Date.now()), what);
    }
  });

  /** What the API server says against it; undefined when it takes it. Nothing is stored. */
  async function refusal(request: PodCertificateRequest): Promise<string | undefined> {
    try {
      const resource = world.admin.resource(podCertificates);
      await resource.replaceStatus(request, { dryRun: true });
      return undefined;
    } catch (error) {
      if (isKubeError(error, 'invalid')) return error.details?.causes?.map(({ message }) => message).join();
      throw error;
    }
  }
});
