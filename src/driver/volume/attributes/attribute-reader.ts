import { parseDuration } from '../../../api/duration.ts';
import { VolumeError } from '../volume-error.ts';
import type { CollectedAttributes } from './collect-attributes.ts';
import { addressVariables, expandVariables, type Variables, variablesIn } from './expand-variables.ts';
import { type AttributeName, isNameAttribute, isSecretAttribute } from './known-attributes.ts';
import { splitCsv } from './split-csv.ts';

/** Of a block that is for documentation (RFC 5737): checks what a pod's real address will be put into. */
const standIn = '192.0.2.1';
const longestShown = 200;

/** Reads attributes one at a time; every refusal names the attribute as the pod spec spells it, its value and what is allowed. */
export class AttributeReader {
  readonly #attributes: CollectedAttributes;
  readonly #variables: Variables;
  readonly #podIps: readonly string[];
  readonly #withAddress: AttributeName[] = [];

  /** @param podIps undefined while they are not known; what is read then is good for checking only */
  constructor(attributes: CollectedAttributes, variables: Variables, podIps: readonly string[] | undefined) {
    this.#attributes = attributes;
    this.#variables = variables;
    this.#podIps = podIps ?? [standIn];
  }

  /** What has been read so far and refers to the pod's addresses. */
  get withAddress(): readonly AttributeName[] {
    return this.#withAddress;
  }

  /** The text with surrounding white space removed; an empty one counts as not given. */
  text(name: AttributeName): string | undefined {
    const value = this.#attributes.values.get(name)?.trim();
    return value === '' ? undefined : value;
  }

  isGiven(name: AttributeName): boolean {
    return this.text(name) !== undefined;
  }

  expanded(name: AttributeName): string | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : this.#expand(name, value, this.#podIps.join(','));
  }

  /** A comma-separated list, each element expanded, without empty ones. */
  list(name: AttributeName): readonly string[] {
    return this.#elements(name, (text) => text.split(',').map((element) => element.trim()));
  }

  /** The same where elements may be in double quotes, with commas inside. */
  quotedList(name: AttributeName): readonly string[] {
    return this.#elements(name, splitCsv);
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
    const value = isSecretAttribute(name) ? undefined : this.#attributes.values.get(name);
    const shown =
      value === undefined
        ? ''
        : ` ${JSON.stringify(value.length <= longestShown ? value : `${value.slice(0, longestShown)}…`)}`;
    return new VolumeError('invalid-attribute', `${spelled}${shown}: ${why}`);
  }

  /** What `read` returns; what it throws becomes a refusal of the attribute. */
  checked<T>(name: AttributeName, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.refuse(name, (error as Error).message);
    }
  }

  /** Split before variables are replaced, so that only POD_IPS, of which an element is made for each address, adds any. */
  #elements(name: AttributeName, split: (text: string) => readonly string[]): readonly string[] {
    const value = this.text(name);
    if (value === undefined) return [];
    const written = new Set<string>();
    const elements = new Set<string>();
    for (const element of this.checked(name, () => split(value))) {
      if (element === '') continue;
      if (written.has(element)) throw this.refuse(name, `${JSON.stringify(element)} is listed twice`);
      written.add(element);
      const spread = variablesIn(element).has('POD_IPS') ? this.#podIps : [''];
      for (const podIp of spread) elements.add(this.#expand(name, element, podIp));
    }
    return [...elements];
  }

  /** @param podIps for POD_IPS */
  #expand(name: AttributeName, text: string, podIps: string): string {
    const used = variablesIn(text);
    if (!addressVariables.some((variable) => used.has(variable)))
      return this.checked(name, () => expandVariables(text, this.#variables));
    if (!isNameAttribute(name))
      throw this.refuse(name, 'POD_IP and POD_IPS can only be in the names of a certificate');
    const [podIp] = this.#podIps;
    if (podIp === undefined) throw this.refuse(name, 'the pod has no address yet');
    this.#withAddress.push(name);
    return this.checked(name, () =>
      expandVariables(text, { ...this.#variables, POD_IP: podIp, POD_IPS: podIps }),
    );
  }
}
