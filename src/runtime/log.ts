import { pino } from 'pino';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import type { LogFields } from './log-keys.ts';
import { prettyLine } from './log-pretty.ts';
import { clip, redactFields, redactLine } from './redact.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ['auto', 'json', 'pretty'] as const;
export type LogFormat = (typeof logFormats)[number];

/** Fields first, then one sentence in the past tense without what the fields say: `log.info({ volume }, 'published')`. */
export type LogMethod = (fields: LogFields, message: string) => void;

/** A logger whose keys are closed: see log-keys.ts. */
export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  child(fields: LogFields): Logger;
  isLevelEnabled(level: LogLevel): boolean;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** On every line: "driver", "controller". */
  readonly program: string;
}

export interface LogDependencies {
  /** Takes finished lines; standard error when not given. */
  readonly destination?: DestinationStream;
  /** Whether people read along: decides 'auto', and colours. */
  readonly isTerminal?: boolean;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A logger whose lines are written before the call returns, so that none is lost when the process ends. */
export function createLogger(options: LogOptions, deps: LogDependencies = {}): Logger {
  const isTerminal = deps.isTerminal ?? process.stderr.isTTY;
  const pretty = options.format === 'pretty' || (options.format === 'auto' && isTerminal);
  const destination = deps.destination ?? pino.destination({ dest: 2, sync: true });
  const now = deps.now ?? Date.now;
  const lines: DestinationStream = {
    write: (line) => {
      const clean = redactLine(line);
      destination.write(pretty ? prettyLine(clean, isTerminal) : clean);
    },
  };
  return redacting(
    pino(
      {
        level: options.level,
        base: { program: options.program },
        timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
        messageKey: 'message',
        formatters: { level: (label) => ({ level: label }) },
      },
      lines,
    ),
  );
}

/** Fields are made safe before pino sees them: it has a formatter for a line's fields, but none for a child's. */
function redacting(logger: PinoLogger): Logger {
  const method =
    (level: LogLevel): LogMethod =>
    (fields, message) => {
      if (logger.isLevelEnabled(level)) logger[level](redactFields(fields), clip(message));
    };
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: (fields) => redacting(logger.child({ ...redactFields(fields) })),
    isLevelEnabled: (level) => logger.isLevelEnabled(level),
  };
}

/** Logs nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
  isLevelEnabled: () => false,
};
