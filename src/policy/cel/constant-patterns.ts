import { childrenOf, type Expression } from './expression.ts';

/** The regular expressions of the expression that are written in it, and not made when it runs. */
export function constantPatterns(expression: Expression): readonly string[] {
  const inside = childrenOf(expression).flatMap(constantPatterns);
  const { exprKind } = expression;
  if (exprKind.case !== 'callExpr' || exprKind.value.function !== 'matches') return inside;
  const last = exprKind.value.args.at(-1)?.exprKind;
  if (last?.case !== 'constExpr' || last.value.constantKind.case !== 'stringValue') return inside;
  return [...inside, last.value.constantKind.value];
}
