import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const levelStyles: Readonly<Record<string, Style>> = {
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
};

/** A JSON log line for a person: time, level, message, fields; the stack of an error on lines of its own. */
export function prettyLine(line: string, colours: boolean): string {
  const fields = parseObject(line);
  if (fields === undefined) return line;
  const paint = (style: Style, text: string): string =>
    colours ? styleText(style, text, { validateStream: false }) : text;
  const { time, level, message, program: _program, error, ...rest } = fields;
  const levelText = String(level);
  const parts = [
    paint('gray', String(time).slice(11, 23)),
    paint(levelStyles[levelText] ?? 'white', levelText.toUpperCase().padEnd(5)),
    typeof message === 'string' ? message : '',
    ...Object.entries(rest).map(([key, value]) => `${paint('cyan', key)}=${valueText(value)}`),
  ];
  return `${[parts.join(' '), ...errorLines(error)].join('\n')}\n`;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return value !== null && typeof value === 'object' ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function valueText(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function errorLines(error: unknown): string[] {
  if (error === undefined) return [];
  if (error === null || typeof error !== 'object') return [`    ${valueText(error)}`];
  const { stack, type, message, cause } = error as Record<string, unknown>;
  const text = typeof stack === 'string' ? stack : `${String(type)}: ${String(message)}`;
  const lines = text.split('\n').map((line) => `    ${line.trimEnd()}`);
  const causes = errorLines(cause);
  if (causes[0] !== undefined) causes[0] = `    caused by ${causes[0].trimStart()}`;
  return [...lines, ...causes];
}
