/** One JSON document with a list in it, printed as its items come. */
export class JsonList {
  readonly #print: (text: string) => void;
  #count = 0;

  constructor(name: string, print: (text: string) => void) {
    this.#print = print;
    print(`{"version":1,${JSON.stringify(name)}:[`);
  }

  add(item: unknown): void {
    this.#print(`${this.#count === 0 ? '' : ','}\n${JSON.stringify(item)}`);
    this.#count += 1;
  }

  end(): void {
    this.#print(`${this.#count === 0 ? '' : '\n'}]}\n`);
  }
}
