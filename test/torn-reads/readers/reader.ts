// Reads one volume over and over. Arguments: the volume, a folder with N.key, N.chain and N.ca for every pair N.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Seen } from './seen.ts';

const [volume = '', pairs = ''] = process.argv.slice(2);
const known = {
  key: new Map<string, number>(),
  chain: new Map<string, number>(),
  ca: new Map<string, number>(),
};
for (const file of readdirSync(pairs)) {
  const [pair = '', part = ''] = file.split('.');
  known[part as keyof typeof known].set(read(join(pairs, file)), Number(pair));
}

class Way implements Seen {
  reads = 0;
  mismatches = 0;
  retries = 0;
  rotations = 0;
  #last: number | undefined;

  async attempt(look: () => (number | undefined)[] | Promise<(number | undefined)[]>): Promise<void> {
    try {
      const [first, ...others] = await look();
      this.reads += 1;
      if (first === undefined || others.some((other) => other !== first)) this.mismatches += 1;
      else {
        if (first !== this.#last) this.rotations += 1;
        this.#last = first;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.retries += 1;
    }
  }
}

const [bundle, generation, apart] = [new Way(), new Way(), new Way()];
let ended = false;
process.stdin.on('end', () => (ended = true)).resume();
while (!ended) {
  await bundle.attempt(() => {
    const text = read(join(volume, 'credential-bundle.pem'));
    const chainAt = text.indexOf('-----BEGIN CERTIFICATE-----');
    return [known.key.get(text.slice(0, chainAt)), known.chain.get(text.slice(chainAt))];
  });
  await generation.attempt(() => {
    const folder = join(volume, readlinkSync(join(volume, '..data')));
    return [
      known.key.get(read(join(folder, 'tls.key'))),
      known.chain.get(read(join(folder, 'tls.crt'))),
      known.ca.get(read(join(folder, 'ca.crt'))),
    ];
  });
  await apart.attempt(async () => {
    const key = known.key.get(read(join(volume, 'tls.key')));
    // Some time at random, or a reader would fall into step with the writer.
    await pause(Math.random() * 2);
    return [key, known.chain.get(read(join(volume, 'tls.crt')))];
  });
}
process.stdout.write(JSON.stringify({ bundle, generation, apart }));

function read(path: string): string {
  return readFileSync(path, 'latin1');
}
