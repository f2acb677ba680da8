import { parse } from '@bufbuild/cel';
import { childrenOf, type Expression } from './expression.ts';

/** Of the function that each turn of a loop asks whether it may go on. No rule can name it: "@" is in no identifier. */
export const turnFunction = '@turn';

/** Changes the expression so that each of its loops, `all`, `exists`, `map` and the like, asks before each turn. */
export function limitLoops(expression: Expression): void {
  childrenOf(expression).forEach(limitLoops);
  if (expression.exprKind.case !== 'comprehensionExpr') return;
  const loop = expression.exprKind.value;
  const { expr: condition } = parse('turn() && true');
  if (condition?.exprKind.case !== 'callExpr' || loop.loopCondition === undefined)
    throw new Error('a loop without a condition');
  const [turn] = condition.exprKind.value.args;
  if (turn?.exprKind.case !== 'callExpr') throw new Error('not a call');
  turn.exprKind.value.function = turnFunction;
  condition.exprKind.value.args = [turn, loop.loopCondition];
  loop.loopCondition = condition;
}
