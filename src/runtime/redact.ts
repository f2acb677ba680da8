const redacted = '[redacted]';

/** Keys whose value may be a secret. Not what only names one, counts it or dates it. */
const secretKey =
  /token|passw|passphrase|secret|authorization|cookie|credential|api.?key|private.?key|client.?key|hmac|tsig|tls\.key|^(string)?data$/i;
const harmlessKey = /(names?|refs?|bytes|count|expiry|ttl)$/i;

const deepest = 6;
const mostEntries = 100;
const longestText = 8192;

/** The fields of a log line, safe to write: secrets by their key replaced, depth and width bounded, nothing binary. */
export function redactFields(fields: object): Record<string, unknown> {
  return redactEntries(fields, 0);
}

function redactEntries(object: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object).slice(0, mostEntries)) {
    copy[key] = isSecretKey(key) && value !== undefined ? redacted : redactValue(value, depth + 1);
  }
  return copy;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return clip(value);
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? undefined : value;
  if (value instanceof Error) return describeError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof URL) return `${value.origin}${value.pathname}`;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (depth >= deepest) return '[too deep]';
  if (value instanceof Map) return redactEntries(Object.fromEntries(value), depth);
  if (value instanceof Set) return redactValue([...value], depth);
  if (Array.isArray(value)) {
    return value.slice(0, mostEntries).map((item: unknown) => redactValue(item, depth + 1));
  }
  // A KeyObject or any other class instance has a prototype of its own: its fields are nobody's business here.
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return `[${value.constructor.name}]`;
  return redactEntries(value, depth);
}

function isSecretKey(key: string): boolean {
  return secretKey.test(key) && !harmlessKey.test(key);
}

/**
 * What a log line says of an error: who it is, what it says, where it was thrown, and its causes. Nothing else of it,
 * because HTTP clients hang requests with their headers on errors.
 */
function describeError(error: Error, depth = 0): Record<string, unknown> {
  const description: Record<string, unknown> = { type: error.name, message: clip(error.message) };
  for (const key of ['code', 'reason', 'status', 'syscall'] as const) {
    const value: unknown = Reflect.get(error, key);
    if (typeof value === 'string' || typeof value === 'number') description[key] = value;
  }
  if (error.stack !== undefined) description['stack'] = clip(error.stack);
  if (depth >= deepest) return description;
  if (error.cause instanceof Error) description['cause'] = describeError(error.cause, depth + 1);
  if (error instanceof AggregateError) {
    description['errors'] = error.errors
      .slice(0, 5)
      .map((one: unknown) => (one instanceof Error ? describeError(one, depth + 1) : typeof one));
  }
  return description;
}

/** A text for a log line: of a long one the beginning, and how much there is more. */
export function clip(text: string): string {
  return text.length <= longestText
    ? text
    : `${text.slice(0, longestText)}… [${text.length - longestText} more]`;
}

const privateKeyPem =
  /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^"]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|(?="|$))/g;
const jsonWebToken = /\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?/g;
/** "-----BEGIN" in base64: a Secret's data, or a request's or certificate's, which nobody misses in a log. */
const base64Pem = /\bLS0tLS1CRUdJTi[\w+/=-]*/g;
const bearer = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi;

/** Takes secrets that are known by their look out of a finished line, wherever in it they are. */
export function redactLine(line: string): string {
  return line
    .replace(privateKeyPem, '[redacted private key]')
    .replace(jsonWebToken, '[redacted token]')
    .replace(base64Pem, '[redacted PEM]')
    .replace(bearer, '$1 [redacted]');
}
