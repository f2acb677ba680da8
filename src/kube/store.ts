import { keyTextOf, type KubeObject } from './object.ts';

export type Change<T extends KubeObject> =
  | { readonly type: 'added'; readonly object: T }
  | { readonly type: 'modified'; readonly object: T; readonly previous: T }
  /** With the last state known, which after a time without connection need not be the last there was. */
  | { readonly type: 'deleted'; readonly object: T };

/** The objects of a selection as last heard of, and what changed each time more was heard. */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Takes a state of one object; tells of a change only where there is one. */
  set(object: T, onChange: (key: string, change: Change<T>) => void): void {
    const key = keyTextOf(object);
    const previous = this.#objects.get(key);
    if (previous !== undefined && sameVersion(previous, object)) {
      return;
    }
    if (previous !== undefined && previous.metadata.uid !== object.metadata.uid) {
      // Deleted and made again while nobody listened: two changes, as a listener would have seen them.
      this.delete(previous, onChange);
      this.set(object, onChange);
      return;
    }
    this.#objects.set(key, object);
    onChange(
      key,
      previous === undefined ? { type: 'added', object } : { type: 'modified', object, previous },
    );
  }

  /** @param object its last state; tells of a deletion only when the object was known */
  delete(object: T, onChange: (key: string, change: Change<T>) => void): void {
    const key = keyTextOf(object);
    if (this.#objects.delete(key)) {
      onChange(key, { type: 'deleted', object });
    }
  }

  /** Makes the store hold exactly these. Deletions come first, so that what took a name over finds it free. */
  replace(objects: readonly T[], onChange: (key: string, change: Change<T>) => void): void {
    const present = new Set(objects.map(keyTextOf));
    for (const [key, object] of this.#objects) {
      if (!present.has(key)) {
        this.delete(object, onChange);
      }
    }
    for (const object of objects) {
      this.set(object, onChange);
    }
  }
}

function sameVersion(a: KubeObject, b: KubeObject): boolean {
  const { resourceVersion, uid } = a.metadata;
  return (
    resourceVersion !== undefined && resourceVersion === b.metadata.resourceVersion && uid === b.metadata.uid
  );
}
