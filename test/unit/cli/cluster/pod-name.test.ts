import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { podName } from '../../../../src/cli/cluster/pod-name.ts';

describe('the name of a pod', () => {
  it('is taken as kubectl prints it', () => {
    for (const written of ['api', 'pod/api', 'pods/api', 'po/api']) assert.equal(podName(written), 'api');
  });

  it('is not that of something else', () => {
    for (const written of ['deployment/api', 'pod/', '', 'a/b/c', 'pod/a/b'])
      assert.throws(() => podName(written), /^FlagError: POD: ".*": must be NAME or pod\/NAME$/);
  });
});
