/** Takes one line of progress, without a line end. */
export type Log = (line: string) => void;

/** For what takes minutes (builds, package installation): always worth a line. */
export const stderrLog: Log = (line) => {
  process.stderr.write(`cluster: ${line}\n`);
};

export const silentLog: Log = () => {};
