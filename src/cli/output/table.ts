import { oneLine } from './one-line.ts';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
}

/** So many rows decide on the widths: later ones are printed as they come, and may be wider. */
const measuredRows = 500;

/** A table that does not need all rows to begin with. */
export class Table<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #print: (text: string) => void;
  #waiting: string[][] = [];
  #widths: number[] | undefined;

  constructor(columns: readonly Column<Row>[], print: (text: string) => void) {
    this.#columns = columns;
    this.#print = print;
  }

  add(row: Row): void {
    const cells = this.#columns.map(({ text }) => oneLine(text(row)));
    if (this.#widths !== undefined) this.#print(line(cells, this.#widths));
    else {
      this.#waiting.push(cells);
      if (this.#waiting.length >= measuredRows) this.#begin();
    }
  }

  /** @returns whether there were any rows */
  end(): boolean {
    if (this.#widths === undefined && this.#waiting.length > 0) this.#begin();
    return this.#widths !== undefined;
  }

  #begin(): void {
    const rows = [this.#columns.map(({ title }) => title), ...this.#waiting];
    this.#waiting = [];
    const widths = this.#columns.map((_, at) => Math.max(...rows.map((cells) => cells[at]?.length ?? 0)));
    this.#widths = widths;
    for (const cells of rows) this.#print(line(cells, widths));
  }
}

function line(cells: readonly string[], widths: readonly number[]): string {
  return `${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('   ')}`.trimEnd() + '\n';
}
