import { dirname } from 'node:path';
import { describe } from 'node:test';
import { startApplication } from './support/application.ts';
import { followsRotations } from './support/follows-rotations.ts';
import { obtain } from './support/obtain.ts';
import { http } from './support/probe.ts';

const program = await obtain(() => process.execPath);

describe('Node with setSecureContext', () => {
  followsRotations({
    program,
    start: (node) =>
      startApplication({ example: 'node', port: 8443, protocol: http, binaries: dirname(node) }),
  });
});
