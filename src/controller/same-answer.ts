/** The status of a request that is answered, whichever of the two fields its kind has. */
interface Answer {
  readonly certificate?: string;
  readonly certificateChain?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
}

/** Whether both say the same, whenever that was. A write whose answer was lost is sent again, and then conflicts with itself. */
export function isSameAnswer(one: Answer, other: Answer): boolean {
  return textOf(one) === textOf(other);
}

function textOf({ certificate, certificateChain, conditions = [] }: Answer): string {
  const said = conditions.map(({ message, reason, type }) => [type, reason, message]);
  return JSON.stringify([certificate ?? certificateChain ?? '', said]);
}
