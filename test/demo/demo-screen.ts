import { styleText } from 'node:util';

/** Tells the story of a demo on standard output, with the time since its start. */
export class DemoScreen {
  readonly #started = Date.now();
  #steps = 0;

  get seconds(): number {
    return (Date.now() - this.#started) / 1000;
  }

  step(title: string): void {
    this.#steps += 1;
    console.log(`\n${styleText(['bold', 'cyan'], `${this.#steps}. ${title}`)}`);
  }

  note(line: string): void {
    console.log(styleText('dim', `${this.seconds.toFixed(1).padStart(6)} s  ${line}`));
  }

  command(line: string): void {
    console.log(styleText('green', `$ ${line}`));
  }

  output(text: string): void {
    for (const line of text.trimEnd().split('\n')) console.log(`  ${line}`);
  }

  fact(line: string): void {
    console.log(`${styleText('green', '  ok')} ${line}`);
  }
}
