type Labels = Record<string, string>;

/** Of each kind; beyond it memory starts anew, and what was handed out stays as it is. */
const remembered = 10_000;

/** Hands out one copy of what is equal: a thousand pods of ten deployments have ten sets of labels between them. */
export class Interner {
  readonly #texts = new Map<string, string>();
  readonly #labels = new Map<string, Labels>();

  text(text: string): string {
    return known(this.#texts, text, text);
  }

  /** The labels are never changed by anybody. */
  labels(labels: Labels): Labels {
    return known(this.#labels, JSON.stringify(labels), labels);
  }
}

function known<T>(all: Map<string, T>, key: string, value: T): T {
  const present = all.get(key);
  if (present !== undefined) return present;
  if (all.size >= remembered) all.clear();
  all.set(key, value);
  return value;
}
