import { dirname } from 'node:path';
import { describe } from 'node:test';
import { stderrLog } from '../cluster/log.ts';
import { findPrograms } from '../cluster/node/packages.ts';
import { startApplication } from './support/application.ts';
import { followsRotations } from './support/follows-rotations.ts';
import { obtain } from './support/obtain.ts';
import { http } from './support/probe.ts';

const program = await obtain(() => findPrograms(['java', 'javac'], stderrLog));

describe('Java with a key manager that reloads', () => {
  followsRotations({
    program,
    start: ({ java }) =>
      startApplication({ example: 'java', port: 8443, protocol: http, binaries: dirname(java) }),
  });
});
