import { PkiError } from '../errors.ts';
import { tag } from './tag.ts';

/** One type-length-value. Views into the document: nothing is copied. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** With its identifier and length octets. */
  readonly encoded: Buffer;
}

/**
 * Reads DER (X.690 §10) from left to right, led by the structure that the caller expects.
 *
 * Safe on hostile input by construction: it never descends by itself, so its depth is the depth of our own code;
 * every octet is looked at once; what is not DER (indefinite or padded lengths, tags above 30) is an error.
 */
export class DerReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

  /** @param what names the document in messages: "certificate", "subject alternative name" */
  constructor(bytes: Buffer, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The next identifier octet, undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** The next element, whatever its type. */
  any(): DerElement {
    const bytes = this.#bytes;
    const start = this.#at;
    const identifier = bytes[start];
    const first = bytes[start + 1];
    if (identifier === undefined || first === undefined) throw this.malformed('it ends too early');
    if ((identifier & 0x1f) === 0x1f) throw this.malformed('a tag above 30 has no place here');
    let from = start + 2;
    let length = first;
    if (first >= 0x80) {
      const octets = first & 0x7f;
      // Four octets are 4 GiB: far above every limit that was checked before.
      if (octets === 0 || octets > 4) throw this.malformed('a length is indefinite or too long');
      if (from + octets > bytes.length) throw this.malformed('it ends too early');
      length = bytes.readUIntBE(from, octets);
      from += octets;
      if (length < 0x80 || length < 2 ** (8 * (octets - 1))) throw this.malformed('a length is padded');
    }
    const end = from + length;
    if (end > bytes.length) throw this.malformed('it ends too early');
    this.#at = end;
    return { tag: identifier, content: bytes.subarray(from, end), encoded: bytes.subarray(start, end) };
  }

  read(expected: number): DerElement {
    if (this.nextTag !== expected)
      throw this.malformed(`expected ${tagName(expected)}, found ${tagName(this.nextTag)}`);
    return this.any();
  }

  /** For OPTIONAL and DEFAULT: undefined when the next element is something else. */
  optional(expected: number): DerElement | undefined {
    return this.nextTag === expected ? this.any() : undefined;
  }

  /** Enters a constructed element; the caller ends it with {@link end}. */
  enter(expected: number = tag.sequence): DerReader {
    return this.within(this.read(expected));
  }

  within(element: DerElement): DerReader {
    return new DerReader(element.content, this.#what);
  }

  end(): void {
    if (!this.atEnd) throw this.malformed('there is more after its end');
  }

  boolean(): boolean {
    const { content } = this.read(tag.boolean);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
      throw this.malformed('a boolean is wrong');
    return content[0] === 0xff;
  }

  /** Content octets of an INTEGER that fits `maxOctets`, checked to be minimal. */
  integer(maxOctets: number): Buffer {
    const { content } = this.read(tag.integer);
    const [first = 0, second] = content;
    if (content.length === 0 || content.length > maxOctets)
      throw this.malformed('an integer is empty or too long');
    if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
      throw this.malformed('an integer is padded');
    return content;
  }

  /** An INTEGER from 0 to 2^31 - 1. */
  smallInteger(): number {
    const value = this.integer(4);
    const number = value.readIntBE(0, value.length);
    if (number < 0) throw this.malformed('a number is negative');
    return number;
  }

  /** A BIT STRING of whole octets, as signatures and keys are. */
  octetAlignedBits(): Buffer {
    const { content } = this.read(tag.bitString);
    if (content[0] !== 0) throw this.malformed('a bit string has unused bits');
    return content.subarray(1);
  }

  malformed(problem: string): PkiError {
    return new PkiError(
      'malformed',
      `${this.#what} is malformed: ${problem} (at byte ${this.#at} of its part)`,
    );
  }
}

const tagNames = new Map<number, string>(Object.entries(tag).map(([name, value]) => [value, name]));

function tagName(value: number | undefined): string {
  if (value === undefined) return 'the end';
  return tagNames.get(value) ?? `tag 0x${value.toString(16).padStart(2, '0')}`;
}
