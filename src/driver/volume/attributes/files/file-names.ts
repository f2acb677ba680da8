import type { AttributeReader } from '../attribute-reader.ts';
import type { AttributeName } from '../known-attributes.ts';

/** The socket of the SPIFFE Workload API, where the volume has one; no file may have its name. */
export const workloadApiSocket = 'workload-api.sock';

/** NAME_MAX of Linux. */
const longestName = 255;

/** File names that stay in the volume's top folder and apart from each other. */
export class FileNames {
  readonly #reader: AttributeReader;
  /** By name, what has it. */
  readonly #taken: Map<string, string>;
  readonly #keptFor: (name: string) => string | undefined;

  /**
   * @param fixed names that no attribute changes, with what has them
   * @param keptFor for what a name is kept that is not known before the volume is made; undefined leaves it free
   */
  constructor(
    reader: AttributeReader,
    fixed: Iterable<readonly [string, string]>,
    keptFor: (name: string) => string | undefined = () => undefined,
  ) {
    this.#reader = reader;
    this.#keptFor = keptFor;
    this.#taken = new Map([[workloadApiSocket, 'the socket of the Workload API'], ...fixed]);
  }

  /** The name by this attribute, or `byDefault`; undefined is no file. */
  read<Default extends string | undefined>(attribute: AttributeName, byDefault: Default): string | Default {
    const name = this.#reader.expanded(attribute) ?? byDefault;
    if (name === undefined) return byDefault;
    const fault = faultOf(name);
    if (fault !== undefined) throw this.#reader.refuse(attribute, fault);
    const other = this.#taken.get(name) ?? this.#keptFor(name);
    if (other !== undefined) {
      throw this.#reader.refuse(
        attribute,
        `the file name ${JSON.stringify(name)} is already taken by ${other}`,
      );
    }
    this.#taken.set(name, attribute);
    return name;
  }
}

function faultOf(name: string): string | undefined {
  if (name.includes('/')) return 'must be a file name without "/"';
  // Names that start with ".." belong to the volume's own generations and links.
  if (name === '.' || name.startsWith('..')) return 'must not be "." nor start with ".."';
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'must not contain control characters';
  if (!name.isWellFormed()) return 'must not contain half a character';
  if (Buffer.byteLength(name) > longestName) return `must be at most ${longestName} bytes long`;
  return undefined;
}
