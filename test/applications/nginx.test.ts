import { describe } from 'node:test';
import { stderrLog } from '../cluster/log.ts';
import { findPrograms } from '../cluster/node/packages.ts';
import { startApplication } from './support/application.ts';
import { followsRotations } from './support/follows-rotations.ts';
import { obtain } from './support/obtain.ts';
import { http } from './support/probe.ts';

const program = await obtain(() => findPrograms(['nginx'], stderrLog));

describe('nginx, reloaded by a loop in its container', () => {
  followsRotations({
    program,
    start: () => startApplication({ example: 'nginx', port: 8443, protocol: http }),
  });
});
