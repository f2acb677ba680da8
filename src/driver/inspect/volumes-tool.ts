import * as fs from 'node:fs';
import { textFlag } from '../../runtime/flags.ts';
import { exitCodes, type Tool, ToolError } from '../../runtime/tool.ts';
import { driverFlags, recordsDirectory } from '../options.ts';
import { reportVolumes } from './report-volumes.ts';

const flags = {
  endpoint: driverFlags.endpoint,
  stateDir: driverFlags.stateDir,
  podUid: textFlag({ placeholder: 'UID', help: 'Only the volumes of this pod.' }),
} as const;

/** Runs in the driver's container, where the volumes are, beside the driver. Changes nothing. */
export const volumesTool: Tool<typeof flags> = {
  summary:
    "Prints what the volumes of this node hold, without keys, as JSON. For the inside of the driver's container: certmount identity and certmount verify call it there.",
  flags,
  readsEnvironment: true,
  async run({ values }, io) {
    const directory = recordsDirectory(values);
    // A driver that has not started yet, or one with another --state-dir.
    if (!fs.existsSync(directory)) throw new ToolError(`${directory}: there are no records of volumes`);
    const report = reportVolumes(directory, values.podUid, { fs });
    io.out(`${JSON.stringify(report)}\n`);
    return Promise.resolve(exitCodes.fine);
  },
};
