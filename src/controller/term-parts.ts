import type { TermContext, TermPart } from './term-part.ts';

/** Everything that a leader does beside requests and issuers. */
export function termParts(_context: TermContext): readonly TermPart[] {
  return [];
}
