import { chmodSync, cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from '../../../tools/run-command.ts';

/** The parts of a pod that an example consists of. */
interface Pod {
  readonly spec: {
    readonly securityContext?: { readonly fsGroup?: number };
    readonly containers: readonly [{ readonly command: readonly string[] }];
    readonly volumes: readonly {
      readonly csi?: { readonly volumeAttributes: Readonly<Record<string, string>> };
    }[];
  };
}

export const examples = join(root, 'docs/examples');

/** An example of the documentation: a pod, and the files that are mounted at `/config` in it. */
export class Example {
  readonly #pod: Pod;
  readonly #folder: string;

  constructor(name: string) {
    this.#folder = join(examples, name);
    this.#pod = parse(readFileSync(join(this.#folder, 'pod.yaml'), 'utf8')) as Pod;
  }

  get attributes(): Readonly<Record<string, string>> {
    const volume = this.#pod.spec.volumes.find(({ csi }) => csi !== undefined);
    if (volume?.csi === undefined) throw new Error(`the pod in ${this.#folder} has no csi volume`);
    return volume.csi.volumeAttributes;
  }

  get fsGroup(): number | undefined {
    return this.#pod.spec.securityContext?.fsGroup;
  }

  /**
   * Lays its files out in a folder of their own, and puts what this machine has in place of what the container has,
   * in the files and in the container's command.
   *
   * @param places from what the example says, which has to occur, to what it is here
   */
  install(places: Readonly<Record<string, string>>): InstalledExample {
    const folder = mkdtempSync(join(tmpdir(), 'certmount-example-'));
    chmodSync(folder, 0o755);
    cpSync(this.#folder, folder, { recursive: true });
    cpSync(join(examples, 'reload-on-rotation.sh'), join(folder, 'reload-on-rotation.sh'));
    const all = { ...places, '/config': folder };
    const used = new Set<string>();
    const adapt = (text: string): string => {
      let adapted = text;
      for (const [from, to] of Object.entries(all)) {
        if (adapted.includes(from)) used.add(from);
        adapted = adapted.replaceAll(from, to);
      }
      return adapted;
    };
    for (const name of readdirSync(folder)) {
      const file = join(folder, name);
      writeFileSync(file, adapt(readFileSync(file, 'utf8')));
    }
    const command = this.#pod.spec.containers[0].command.map(adapt);
    const unused = Object.keys(places).filter((from) => !used.has(from));
    if (unused.length > 0) throw new Error(`the example ${this.#folder} does not say ${unused.join(', ')}`);
    return { folder, command, remove: () => rmSync(folder, { recursive: true }) };
  }
}

export interface InstalledExample {
  readonly folder: string;
  readonly command: readonly string[];
  readonly remove: () => void;
}
