import { DerReader } from '../der/reader.ts';
import { contextConstructed, contextPrimitive } from '../der/tag.ts';
import { decodeIa5 } from '../der/text.ts';
import { PkiError } from '../errors.ts';
import { comparableNames } from '../names/subject.ts';

/** The forms of names that constraints are understood for, by the context tag of GeneralName. */
const forms = new Map<number, Form>([
  [contextPrimitive(1), 'email'],
  [contextPrimitive(2), 'dns'],
  [contextConstructed(4), 'directoryName'],
  [contextPrimitive(6), 'uri'],
  [contextPrimitive(7), 'ip'],
]);

export type Form = 'email' | 'dns' | 'directoryName' | 'uri' | 'ip';

export interface Subtree {
  readonly form: Form;
  readonly base: Buffer;
  /** Of the forms that are text; decoded once, however many names there are. */
  readonly text: string;
  /** Of a directoryName. */
  readonly parts: readonly string[];
}

export interface NameConstraints {
  readonly permitted: readonly Subtree[];
  readonly excluded: readonly Subtree[];
}

/** @throws PkiError also for a constraint of a kind that is not understood */
export function decodeNameConstraints(encoded: Buffer): NameConstraints {
  const document = new DerReader(encoded, 'the name constraints');
  const fields = document.enter();
  document.end();
  const permitted = readSubtrees(fields, 0);
  const excluded = readSubtrees(fields, 1);
  fields.end();
  return { permitted, excluded };
}

function readSubtrees(fields: DerReader, number: number): Subtree[] {
  const element = fields.optional(contextConstructed(number));
  if (element === undefined) return [];
  const list = fields.within(element);
  const subtrees: Subtree[] = [];
  while (!list.atEnd) {
    const subtree = list.enter();
    const base = subtree.any();
    // RFC 5280: minimum is always 0, so it is not there, and there is no maximum.
    subtree.end();
    const form = forms.get(base.tag);
    if (form === undefined) throw refused('name constraints of this kind are not supported');
    const isText = form === 'dns' || form === 'email' || form === 'uri';
    subtrees.push({
      form,
      base: base.content,
      text: isText ? textOf(base.content) : '',
      parts: form === 'directoryName' ? comparableNames(base.content) : [],
    });
  }
  return subtrees;
}

function textOf(base: Buffer): string {
  const text = decodeIa5(base);
  if (text === undefined) throw refused('a name constraint is not ASCII');
  return text.toLowerCase();
}

function refused(message: string): PkiError {
  return new PkiError('not-an-authority', message);
}
