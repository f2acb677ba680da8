import type { Flag, FlagTable } from './flags.ts';
import { environmentName, flagName } from './flags.ts';

export interface HelpOptions {
  /** As in "certmount driver". */
  readonly program: string;
  /** One or two sentences on what it does. */
  readonly summary: string;
  /** What it takes beside flags, as in "POD". */
  readonly positionals?: string;
  /** Columns of the terminal; 100 when not known. */
  readonly width?: number;
  /** Whether flags can be given by environment variables; true when not set. */
  readonly environment?: boolean;
  /** What stands after the flags, line by line. */
  readonly notes?: readonly string[];
}

/** All of a program's flags: name, value, meaning, default and environment variable. */
export function helpText(table: FlagTable, options: HelpOptions): string {
  const width = Math.max(60, options.width ?? 100);
  const usage = [
    'Usage:',
    options.program,
    ...(options.positionals === undefined ? [] : [options.positionals]),
  ];
  const environment = options.environment ?? true;
  const flags = Object.entries(table).map(([name, flag]) => flagText(name, flag, { width, environment }));
  const ofTheEnvironment = wrap(
    'Each flag can be given by the environment variable under it instead; the command line wins, and an empty variable is one that is not set.',
    width,
  );
  return [
    `${usage.join(' ')} [flags]`,
    ...wrap(options.summary, width),
    '',
    ...(environment ? [...ofTheEnvironment, ''] : []),
    ...flags,
    '  --help, -h\n      This text.',
    '',
    ...(options.notes ?? []),
  ].join('\n');
}

function flagText(
  name: string,
  flag: Flag<unknown>,
  { environment, width }: { readonly environment: boolean; readonly width: number },
): string {
  const value = flag.placeholder === undefined ? '[=false]' : ` ${flag.placeholder}`;
  const sentences = [flag.help];
  if (flag.required) sentences.push('Required.');
  if (flag.repeatable) sentences.push('May be given several times.');
  const standard = flag.default === undefined ? '' : flag.format(flag.default);
  if (standard !== '') sentences.push(`Default: ${standard}.`);
  const indented = wrap(sentences.join(' '), width - 6).map((line) => `      ${line}`);
  const names = flag.short === undefined ? flagName(name) : `${flagName(name)}, -${flag.short}`;
  const variable = environment ? [`      ${environmentName(name)}`] : [];
  return [`  ${names}${value}`, ...indented, ...variable, ''].join('\n');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
