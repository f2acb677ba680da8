import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { podOf } from '../../../../src/cli/policy-test/pods-of.ts';

const longName = 'a'.repeat(58);

function podName(kind: string, metadata: { name?: string; generateName?: string }): string | undefined {
  const template = { spec: {} };
  const apiVersion =
    kind === 'Pod' || kind === 'PodTemplate' ? 'v1' : kind.includes('Job') ? 'batch/v1' : 'apps/v1';
  const spec = kind === 'Pod' ? {} : { template, jobTemplate: { spec: { template } } };
  const object = { apiVersion, kind, metadata, spec, template };
  return podOf(object, 'web')?.pod.metadata.name;
}

describe('the stand-in name of a pod', () => {
  it('is as its workload makes it', () => {
    assert.equal(podName('Pod', { name: 'api' }), 'api');
    assert.equal(podName('Pod', { generateName: 'api-' }), 'api-x2x4q');
    assert.equal(podName('Deployment', { name: 'api' }), 'api-5d4f8c7b9d-x2x4q');
    assert.equal(podName('StatefulSet', { name: 'api' }), 'api-0');
    assert.equal(podName('CronJob', { name: 'api' }), 'api-29000000-x2x4q');
  });

  it('is cut as the API server cuts what it makes a name of: before the five random letters', () => {
    assert.equal(podName('Deployment', { name: longName }), `${longName}x2x4q`);
    assert.equal(podName('Deployment', { name: 'a'.repeat(50) }), `${'a'.repeat(50)}-5d4f8c7x2x4q`);
    assert.equal(podName('DaemonSet', { name: `${longName}bcd` }), `${longName}x2x4q`);
    assert.equal(podName('Job', { name: 'a'.repeat(57) }), `${'a'.repeat(57)}-x2x4q`);
    assert.equal(podName('Pod', { generateName: `${longName}b-` }), `${longName}x2x4q`);
  });

  it('is whole where nothing of it is random', () => {
    assert.equal(podName('StatefulSet', { name: longName }), `${longName}-0`);
    assert.equal(podName('Pod', { name: 'a'.repeat(80) }), 'a'.repeat(80));
  });
});
