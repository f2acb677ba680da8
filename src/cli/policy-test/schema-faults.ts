import { celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import type { Schema, ValidationRule } from '../../api/crds/schema.ts';
import { nearest } from '../../runtime/nearest.ts';

const longestShown = 100;
const environment = celEnv({ funcs: [...strings] });
const typeNames = {
  string: 'a string',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
} as const;

/**
 * What the API server, or kubectl before it, would not take of a value: the field, its value and what is allowed. A field that
 * the schema does not have is a mistake, unless the schema keeps such fields.
 *
 * @param path of the value
 */
export function schemaFaults(schema: Schema, value: unknown, path: string): string[] {
  if (schema.type === undefined) return [];
  if (!isOfType(schema.type, value))
    return [`${path}: ${shown(value)} must be ${typeText(schema.type, value)}`];
  const faults = Array.isArray(value)
    ? listFaults(schema, value, path)
    : isObject(value)
      ? objectFaults(schema, value, path)
      : scalarFaults(schema, value as string | number | boolean, path);
  // Rules are about values of the right form.
  return faults.length > 0 ? faults : ruleFaults(schema['x-kubernetes-validations'] ?? [], value, path);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectFaults(schema: Schema, value: Record<string, unknown>, path: string): string[] {
  const { additionalProperties, properties = {}, required = [] } = schema;
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const missing = required
    .filter((name) => !Object.hasOwn(value, name))
    .map((name) => `${at(name)}: must be given`);
  const wrong = Object.entries(value).flatMap(([name, field]) => {
    const known = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (known !== undefined) return schemaFaults(known, field, at(name));
    return schema['x-kubernetes-preserve-unknown-fields'] === true
      ? []
      : [unknownField(at(name), name, Object.keys(properties))];
  });
  return [...missing, ...wrong];
}

function listFaults(schema: Schema, value: readonly unknown[], path: string): string[] {
  const { items, maxItems = Infinity, minItems = 0 } = schema;
  if (value.length < minItems || value.length > maxItems)
    return [`${path}: must have ${minItems} to ${maxItems} items, not ${value.length}`];
  const faults =
    items === undefined ? [] : value.flatMap((item, index) => schemaFaults(items, item, `${path}[${index}]`));
  const [key] = schema['x-kubernetes-list-map-keys'] ?? [];
  if (key === undefined || faults.length > 0) return faults;
  const keys = value.map((item) => (item as Record<string, unknown>)[key]);
  return keys.flatMap((each, index) =>
    keys.indexOf(each) < index ? [`${path}[${index}].${key}: ${shown(each)} is there twice`] : [],
  );
}

function scalarFaults(schema: Schema, value: string | number | boolean, path: string): string[] {
  const { enum: choices, maximum = Infinity, minimum = -Infinity, pattern } = schema;
  if (choices !== undefined && !choices.includes(String(value)))
    return [`${path}: ${shown(value)} must be one of ${choices.join(', ')}`];
  if (typeof value === 'number' && (value < minimum || value > maximum))
    return [`${path}: ${value} must be from ${minimum} to ${maximum}`];
  if (typeof value !== 'string') return [];
  const { maxLength = Infinity, minLength = 0 } = schema;
  if (value.length < minLength || value.length > maxLength)
    return [`${path}: ${shown(value)} must have ${minLength} to ${maxLength} characters`];
  return pattern === undefined || new RegExp(pattern).test(value)
    ? []
    : [`${path}: ${shown(value)} must match ${pattern}`];
}

function ruleFaults(rules: readonly ValidationRule[], self: unknown, path: string): string[] {
  return rules.flatMap(({ fieldPath = '', message = '', rule }) => {
    const result = plan(environment, parse(unescaped(rule)).expr)({ self: self as never });
    if (isCelError(result)) throw new Error(`${rule}: ${result.message}`, { cause: result });
    return result === true ? [] : [`${path}${fieldPath}: ${message}`];
  });
}

/** Kubernetes writes a field that is a reserved word as `__FIELD__`; this implementation of CEL takes the word. */
function unescaped(rule: string): string {
  return rule.replaceAll(/__([a-z]+)__/g, '$1');
}

function isOfType(type: NonNullable<Schema['type']>, value: unknown): boolean {
  switch (type) {
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isInteger(value);
    case 'string':
    case 'boolean':
      return typeof value === type;
  }
}

function typeText(type: NonNullable<Schema['type']>, value: unknown): string {
  const quotable = type === 'string' && (typeof value === 'number' || typeof value === 'boolean');
  return `${typeNames[type]}${quotable ? ': quote it' : ''}`;
}

function unknownField(path: string, name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const hint = meant === undefined ? `there are ${known.join(', ')}` : `did you mean ${meant}?`;
  return `${path}: there is no such field: ${hint}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= longestShown ? text : `${text.slice(0, longestShown)}…`;
}
