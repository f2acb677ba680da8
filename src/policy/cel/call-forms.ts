import { childrenOf, type Expression } from './expression.ts';

/**
 * Changes `matches(text, pattern)` into `text.matches(pattern)`: the language has both, the library here the second alone
 * (CEL spec, "List of Standard Definitions").
 */
export function unifyCalls(expression: Expression): void {
  childrenOf(expression).forEach(unifyCalls);
  const { exprKind } = expression;
  if (exprKind.case !== 'callExpr') return;
  const call = exprKind.value;
  if (call.function !== 'matches' || call.target !== undefined || call.args.length !== 2) return;
  const [text, pattern] = call.args as [Expression, Expression];
  call.target = text;
  call.args = [pattern];
}
