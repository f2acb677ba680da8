import { parseDuration } from '../../../api/duration.ts';
import { VolumeError } from '../volume-error.ts';
import type { CollectedAttributes } from './collect-attributes.ts';
import { expandVariables, type Variables } from './expand-variables.ts';
import type { AttributeName } from './known-attributes.ts';

/** Reads attributes one at a time; every refusal names the attribute as the pod spec spells it, its value and what is allowed. */
export class AttributeReader {
  readonly #attributes: CollectedAttributes;
  readonly #variables: Variables;

  constructor(attributes: CollectedAttributes, variables: Variables) {
    this.#attributes = attributes;
    this.#variables = variables;
  }

  /** The text with surrounding white space removed; an empty one counts as not given. */
  text(name: AttributeName): string | undefined {
    const value = this.#attributes.values.get(name)?.trim();
    return value === '' ? undefined : value;
  }

  expanded(name: AttributeName): string | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    try {
      return expandVariables(value, this.#variables);
    } catch (error) {
      throw this.refuse(name, (error as Error).message);
    }
  }

  /** A comma-separated list, expanded, without empty elements. */
  list(name: AttributeName): readonly string[] {
    const value = this.expanded(name);
    if (value === undefined) return [];
    const elements = new Set<string>();
    for (const element of value.split(',').map((text) => text.trim())) {
      if (elements.has(element)) throw this.refuse(name, `${JSON.stringify(element)} is listed twice`);
      if (element !== '') elements.add(element);
    }
    return [...elements];
  }

  choice<Choice extends string>(name: AttributeName, choices: readonly Choice[]): Choice | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const found = choices.find((choice) => choice.toLowerCase() === value.toLowerCase());
    if (found === undefined) throw this.refuse(name, `must be one of ${choices.join(', ')}`);
    return found;
  }

  boolean(name: AttributeName): boolean | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (value !== 'true' && value !== 'false') throw this.refuse(name, 'must be "true" or "false"');
    return value === 'true';
  }

  integer(name: AttributeName, least: number, most: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = /^[0-9]{1,10}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) {
      throw this.refuse(name, `must be a whole number from ${least} to ${most}`);
    }
    return number;
  }

  /** Milliseconds. */
  duration(name: AttributeName, least: number, leastText: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    let milliseconds: number;
    try {
      milliseconds = parseDuration(value);
    } catch {
      throw this.refuse(name, 'must be a duration such as 24h, 90m or 1h30m');
    }
    if (milliseconds < least) throw this.refuse(name, `must be at least ${leastText}`);
    return milliseconds;
  }

  refuse(name: AttributeName, why: string): VolumeError {
    const spelled = this.#attributes.spelled.get(name) ?? name;
    const value = this.#attributes.values.get(name);
    const shown =
      value === undefined
        ? ''
        : ` ${JSON.stringify(value.length <= 200 ? value : `${value.slice(0, 200)}…`)}`;
    return new VolumeError('invalid-attribute', `${spelled}${shown}: ${why}`);
  }
}
