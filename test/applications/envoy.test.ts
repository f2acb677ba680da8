import { dirname } from 'node:path';
import { describe } from 'node:test';
import { stderrLog } from '../cluster/log.ts';
import { startApplication } from './support/application.ts';
import { findEnvoy } from './support/find-envoy.ts';
import { followsRotations } from './support/follows-rotations.ts';
import { obtain } from './support/obtain.ts';
import { http } from './support/probe.ts';

const program = await obtain(() => findEnvoy(stderrLog));

describe('Envoy with SDS from files and a watched directory', () => {
  followsRotations({
    program,
    start: (envoy) =>
      startApplication({ example: 'envoy', port: 8443, protocol: http, binaries: dirname(envoy) }),
  });
});
