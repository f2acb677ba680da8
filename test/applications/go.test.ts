import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import { promisify } from 'node:util';
import { startApplication } from './support/application.ts';
import { examples } from './support/example.ts';
import { followsRotations } from './support/follows-rotations.ts';
import { obtain } from './support/obtain.ts';
import { http } from './support/probe.ts';

const run = promisify(execFile);

const program = await obtain(() =>
  run('go', ['version']).catch((cause: unknown) => {
    throw new Error('Go is not installed', { cause });
  }),
);

describe('Go with GetConfigForClient', () => {
  const folder = mkdtempSync(join(tmpdir(), 'certmount-go-example-'));

  followsRotations({
    program,
    async start() {
      const mtls = join(folder, 'mtls');
      const env = { ...process.env, GO111MODULE: 'off', GOFLAGS: '', GOWORK: 'off', CGO_ENABLED: '0' };
      await run('go', ['build', '-o', mtls, join(examples, 'go/main.go')], { env });
      return startApplication({ example: 'go', port: 8443, protocol: http, places: { '/mtls': mtls } });
    },
  });

  // Last: hooks run in the order in which they are given.
  after(() => rmSync(folder, { recursive: true }));
});
