import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { generateCrds } from '../../../tools/generate-crds.ts';
import { generateDefaultPolicy } from '../../../tools/generate-default-policy.ts';
import { generateProto } from '../../../tools/generate-proto.ts';

describe('generated files', () => {
  it('are those that src/api/crds makes: deploy/crds', async () => {
    assert.deepEqual(await generateCrds({ check: true }), [], 'run "npm run generate"');
  });

  it('are those that src/policy makes: deploy/policies/default-policy.yaml', async () => {
    assert.deepEqual(await generateDefaultPolicy({ check: true }), [], 'run "npm run generate"');
  });

  it('are those that proto/ makes: src/driver/csi/generated', async () => {
    assert.deepEqual(await generateProto({ check: true }), [], 'run "npm run generate"');
  });
});
