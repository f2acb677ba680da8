import type { CelEnv } from '@bufbuild/cel';
import { nearest } from '../../runtime/nearest.ts';
import { childrenOf, type Expression } from './expression.ts';

/** Variables by name: the names of its fields, or undefined where it has none or any. */
export type Variables = Readonly<Record<string, readonly string[] | undefined>>;

/** What an identifier can be beside a variable. */
const typeNames = [
  'bool',
  'bytes',
  'double',
  'google',
  'int',
  'list',
  'map',
  'null_type',
  'string',
  'type',
  'uint',
];
/** What the planner does itself, without a function. */
const builtIn = ['_[_]', '_?_:_', '_&&_', '_||_', '@not_strictly_false', '__not_strictly_false__'];

/** The first thing in the expression that does not exist: a variable, a field of one or a function; undefined when all do. */
export function unknownName(
  expression: Expression,
  variables: Variables,
  functions: CelEnv['funcs'],
): string | undefined {
  const { exprKind } = expression;
  switch (exprKind.case) {
    case 'identExpr': {
      const { name } = exprKind.value;
      if (Object.hasOwn(variables, name) || typeNames.includes(name)) return undefined;
      return unknown('variable', name, Object.keys(variables));
    }
    case 'selectExpr': {
      const { field, operand } = exprKind.value;
      const variable = operand?.exprKind.case === 'identExpr' ? operand.exprKind.value.name : '';
      const fields = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
      if (fields !== undefined && !fields.includes(field))
        return unknown('field', `${variable}.${field}`, fields);
      break;
    }
    case 'callExpr': {
      const { function: name, target } = exprKind.value;
      if (!builtIn.includes(name) && functions.find(name) === undefined) {
        const prefix = target?.exprKind.case === 'identExpr' ? `${target.exprKind.value.name}.` : '';
        if (functions.find(prefix + name) === undefined) return `unknown function "${name}"`;
        // The target is the namespace of the function, not a variable.
        return firstUnknown(exprKind.value.args, variables, functions);
      }
      if (target?.exprKind.case === 'identExpr' && functions.find(`${target.exprKind.value.name}.${name}`))
        return firstUnknown(exprKind.value.args, variables, functions);
      break;
    }
    case 'comprehensionExpr': {
      const { accuInit, accuVar, iterRange, iterVar, loopCondition, loopStep, result } = exprKind.value;
      const inLoop = { ...variables, [accuVar]: undefined, [iterVar]: undefined };
      const outside = [iterRange, accuInit].filter((part) => part !== undefined);
      const inside = [loopCondition, loopStep, result].filter((part) => part !== undefined);
      return firstUnknown(outside, variables, functions) ?? firstUnknown(inside, inLoop, functions);
    }
    default:
  }
  return firstUnknown(childrenOf(expression), variables, functions);
}

function firstUnknown(
  expressions: readonly Expression[],
  variables: Variables,
  functions: CelEnv['funcs'],
): string | undefined {
  for (const expression of expressions) {
    const found = unknownName(expression, variables, functions);
    if (found !== undefined) return found;
  }
  return undefined;
}

function unknown(what: string, name: string, known: readonly string[]): string {
  const close = nearest(name.slice(name.indexOf('.') + 1), known);
  const hint = close === undefined ? `known are ${known.join(', ')}` : `did you mean ${close}?`;
  return `unknown ${what} "${name}": ${hint}`;
}
