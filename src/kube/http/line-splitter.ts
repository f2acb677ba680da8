/**
 * Cuts a byte stream into lines of text. Bytes are decoded a whole line at a time, so that a character which is split
 * between two chunks stays whole, and each byte is looked at once however many chunks a line comes in.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #onLine: (line: string) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** @param maxBytes of one line; a longer one is an error, since nobody may fill our memory */
  constructor(maxBytes: number, onLine: (line: string) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      this.#finish(chunk, start, end);
      start = end + 1;
    }
    if (start < chunk.length) {
      this.#keep(start === 0 ? chunk : chunk.subarray(start));
    }
  }

  #finish(chunk: Buffer, start: number, end: number): void {
    this.#check(this.#bytes + end - start);
    let line: string;
    if (this.#parts.length === 0) {
      line = chunk.toString('utf8', start, end);
    } else {
      this.#parts.push(chunk.subarray(start, end));
      line = Buffer.concat(this.#parts).toString();
      this.#parts = [];
      this.#bytes = 0;
    }
    if (line !== '') {
      this.#onLine(line);
    }
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    this.#check(this.#bytes);
    this.#parts.push(part);
  }

  #check(bytes: number): void {
    if (bytes > this.#maxBytes) {
      throw new RangeError(`a line is longer than ${this.#maxBytes} bytes`);
    }
  }
}

const newline = 0x0a;
