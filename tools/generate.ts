// Brings every generated file up to date; with --check it only says which are not, and fails.
import { generateCrds } from './generate-crds.ts';
import { generateDefaultPolicy } from './generate-default-policy.ts';
import { generateProto } from './generate-proto.ts';
import { runGenerator } from './generated-folder.ts';

await runGenerator('generate', async (options) => [
  ...(await generateProto(options)),
  ...(await generateCrds(options)),
  ...(await generateDefaultPolicy(options)),
]);
