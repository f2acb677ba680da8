/** A rule in CEL that the API server holds an object to. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  /** CEL for the message, where it depends on the object. */
  readonly messageExpression?: string;
  readonly fieldPath?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired';
}

/** A structural schema of OpenAPI v3, as far as the CRDs here need it. */
export interface Schema {
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly format?: 'byte' | 'date-time' | 'int32' | 'int64';
  readonly enum?: readonly string[];
  readonly default?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly anyOf?: readonly { readonly type: 'integer' | 'string' }[];
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic';
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

declare const admitted: unique symbol;

/** A schema together with the TypeScript type of the values that it admits. */
export interface SchemaOf<T> extends Schema {
  /** Never set: it ties the type to the schema. */
  readonly [admitted]?: T;
}

/** The TypeScript type of the values that a schema admits: what src/api/*.ts is checked against. */
export type Admitted<S extends Schema> = S extends SchemaOf<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema>>;
type Flat<T> = { [Key in keyof T]: T[Key] };
type ObjectOf<Required extends Fields, Optional extends Fields> = Flat<
  { -readonly [Key in keyof Required]: Admitted<Required[Key]> } & {
    -readonly [Key in keyof Optional]?: Admitted<Optional[Key]>;
  }
>;

type TextOptions = Pick<Schema, 'minLength' | 'maxLength' | 'pattern' | 'default'>;

export function text(description?: string, options: TextOptions = {}): SchemaOf<string> {
  return { ...described(description), type: 'string', ...options };
}

export function oneOf<const Value extends string>(
  values: readonly Value[],
  description?: string,
): SchemaOf<Value> {
  return { ...described(description), type: 'string', enum: values };
}

/** A duration in Go's syntax. Negative ones are left to a rule: the syntax has them. */
export function duration(description: string, rules: readonly ValidationRule[] = []): SchemaOf<string> {
  const pattern = '^[-+]?(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$';
  return { description, type: 'string', pattern, ...validated(rules) };
}

/** Base64 in JSON. */
export function bytes(description: string): SchemaOf<string> {
  return { description, type: 'string', format: 'byte' };
}

export function time(description: string): SchemaOf<string> {
  return { description, type: 'string', format: 'date-time' };
}

export function flag(description?: string): SchemaOf<boolean> {
  return { ...described(description), type: 'boolean' };
}

export function integer(
  format: 'int32' | 'int64',
  description?: string,
  options: Pick<Schema, 'minimum' | 'maximum'> = {},
): SchemaOf<number> {
  return { ...described(description), type: 'integer', format, ...options };
}

/** A resource.Quantity of Kubernetes. */
export function quantity(): SchemaOf<number | string> {
  return {
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    pattern:
      '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
    'x-kubernetes-int-or-string': true,
  };
}

/** A list that is written as a whole. */
export function list<Item extends Schema>(
  items: Item,
  description?: string,
  options: Pick<Schema, 'minItems' | 'maxItems'> & { readonly rules?: readonly ValidationRule[] } = {},
): SchemaOf<Admitted<Item>[]> {
  const { rules = [], ...limits } = options;
  return {
    ...described(description),
    type: 'array',
    items,
    'x-kubernetes-list-type': 'atomic',
    ...limits,
    ...validated(rules),
  };
}

/** A list without a list type, as cert-manager has it inside a map. */
export function untypedList<Item extends Schema>(items: Item): SchemaOf<Admitted<Item>[]> {
  return { type: 'array', items };
}

/** A list whose items are told apart by one of their fields, so that several writers can each have their own. */
export function listByKey<Item extends Schema>(
  key: string,
  items: Item,
  description?: string,
  rules: readonly ValidationRule[] = [],
): SchemaOf<Admitted<Item>[]> {
  return {
    ...described(description),
    type: 'array',
    items,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [key],
    ...validated(rules),
  };
}

export function map<Value extends Schema>(
  values: Value,
  description?: string,
  options: Pick<Schema, 'maxProperties'> & { readonly rules?: readonly ValidationRule[] } = {},
): SchemaOf<Record<string, Admitted<Value>>> {
  const { rules = [], ...limits } = options;
  return {
    ...described(description),
    type: 'object',
    additionalProperties: values,
    ...limits,
    ...validated(rules),
  };
}

/** Any JSON, kept as it is. */
export function anything(description: string): SchemaOf<unknown> {
  return { description, 'x-kubernetes-preserve-unknown-fields': true };
}

/** An object with these fields and no other: the API server drops what it does not know. */
export function struct<
  const Optional extends Fields = Record<never, never>,
  const Required extends Fields = Record<never, never>,
>(
  fields: { readonly required?: Required; readonly optional?: Optional },
  description?: string,
  options: { readonly atomic?: true; readonly rules?: readonly ValidationRule[] } = {},
): SchemaOf<ObjectOf<Required, Optional>> {
  const required = Object.keys(fields.required ?? {});
  return {
    ...described(description),
    type: 'object',
    properties: { ...fields.required, ...fields.optional },
    ...(required.length === 0 ? {} : { required }),
    ...(options.atomic === true ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    ...validated(options.rules ?? []),
  };
}

function described(description: string | undefined): { description?: string } {
  return description === undefined ? {} : { description };
}

function validated(rules: readonly ValidationRule[]): Pick<Schema, 'x-kubernetes-validations'> {
  return rules.length === 0 ? {} : { 'x-kubernetes-validations': rules };
}
