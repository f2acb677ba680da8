/** One JSON document with a list in it, printed as its items come; nothing of it before the first. */
export class JsonList {
  readonly #name: string;
  readonly #print: (text: string) => void;
  #count = 0;

  constructor(name: string, print: (text: string) => void) {
    this.#name = name;
    this.#print = print;
  }

  get isBegun(): boolean {
    return this.#count > 0;
  }

  add(item: unknown): void {
    this.#print(`${this.#count === 0 ? this.#begin() : ','}\n${JSON.stringify(item)}`);
    this.#count += 1;
  }

  /** @param more what stands after the list */
  end(more: Readonly<Record<string, unknown>>): void {
    const fields = Object.entries(more).map(([name, value]) => `,"${name}":${JSON.stringify(value)}`);
    this.#print(`${this.#count === 0 ? this.#begin() : '\n'}]${fields.join('')}}\n`);
  }

  #begin(): string {
    return `{"version":1,${JSON.stringify(this.#name)}:[`;
  }
}
