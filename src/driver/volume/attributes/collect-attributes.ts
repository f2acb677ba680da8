import { nearest } from '../../../runtime/nearest.ts';
import { VolumeError } from '../volume-error.ts';
import { type AttributeName, isKnownAttribute, knownAttributes } from './known-attributes.ts';

const kubeletGroup = 'csi.storage.k8s.io';
/** Characters of a value: some hundred names. What reads a value may take time that grows with its square. */
const longestValue = 16_384;

/** The volume's attributes by bare name. `spelled` keeps how the pod spec wrote each, for error messages. */
export interface CollectedAttributes {
  readonly values: ReadonlyMap<AttributeName, string>;
  readonly spelled: ReadonlyMap<AttributeName, string>;
  /** Attributes of other groups, `GROUP/NAME`. */
  readonly foreign: ReadonlyMap<string, string>;
}

/**
 * Folds the spellings of each attribute into one; an unknown name or two values for one attribute is an error.
 *
 * @param groups under which attributes may be written
 */
export function collectAttributes(
  context: Readonly<Record<string, string>>,
  groups: readonly string[],
): CollectedAttributes {
  const values = new Map<AttributeName, string>();
  const spelled = new Map<AttributeName, string>();
  const foreign = new Map<string, string>();
  for (const [key, value] of Object.entries(context)) {
    const slash = key.indexOf('/');
    const group = slash < 0 ? undefined : key.slice(0, slash);
    if (group === kubeletGroup) continue;
    if (value.length > longestValue) {
      throw new VolumeError(
        'invalid-attribute',
        `${clip(key)}: must be at most ${longestValue} characters long`,
      );
    }
    if (group !== undefined && !groups.includes(group)) {
      foreign.set(key, value);
      continue;
    }
    const name = key.slice(slash + 1);
    if (!isKnownAttribute(name)) throw unknownAttribute(key, suggestion(name));
    const other = values.get(name);
    if (other !== undefined && other !== value) {
      throw new VolumeError(
        'invalid-attribute',
        `${key} and ${spelled.get(name)} name the same attribute with two values: keep one of them`,
      );
    }
    values.set(name, value);
    spelled.set(name, key);
  }
  return { values, spelled, foreign };
}

export function unknownAttribute(key: string, hint: string): VolumeError {
  return new VolumeError(
    'invalid-attribute',
    `unknown volume attribute ${JSON.stringify(clip(key))}: ${hint}`,
  );
}

function suggestion(name: string): string {
  const close = nearest(name, knownAttributes);
  return close === undefined ? `known are ${knownAttributes.join(', ')}` : `did you mean ${close}?`;
}

function clip(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}
