import type { Call, CallOptions, KubeClient, StreamOptions } from './client.ts';
import { isKubeError, KubeError } from './errors.ts';
import type { WatchEvent } from './http/watch-stream.ts';
import { apiVersionOf, type KubeList, type KubeObject, type ObjectKey, type ResourceType } from './object.ts';

export interface Selection {
  /** All namespaces when not given. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListQuery extends Selection {
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined;
}

export interface WatchQuery extends Selection {
  readonly resourceVersion?: string | undefined;
  readonly timeoutSeconds?: number | undefined;
  readonly allowWatchBookmarks?: boolean | undefined;
}

export interface WriteOptions extends CallOptions {
  readonly fieldManager?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface PatchOptions extends WriteOptions {
  /** 'merge' by default. A JSON patch is never sent twice: its second application may differ. */
  readonly type?: 'merge' | 'json' | 'strategic' | undefined;
  readonly subresource?: string | undefined;
}

export interface ApplyOptions extends CallOptions {
  readonly fieldManager: string;
  /** Take fields over from other managers instead of failing with 'conflict'. */
  readonly force?: boolean | undefined;
  readonly subresource?: 'status' | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Preconditions: 'conflict' when the object is another one by now, or has changed. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly gracePeriodSeconds?: number | undefined;
}

const patchTypes = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

/** The verbs of one resource. Objects are those of the wire; what is written gets apiVersion and kind filled in. */
export class Resource<T extends KubeObject> {
  readonly type: ResourceType<T>;
  readonly #client: KubeClient;
  readonly #root: string;
  readonly #apiVersion: string;

  constructor(client: KubeClient, type: ResourceType<T>) {
    this.#client = client;
    this.type = type;
    this.#apiVersion = apiVersionOf(type);
    this.#root = `${type.group === '' ? '/api' : '/apis'}/${this.#apiVersion}`;
  }

  async get(key: ObjectKey, options?: CallOptions): Promise<T> {
    return this.#client.request<T>({ method: 'GET', path: this.#path(key) }, options);
  }

  /** Undefined when there is no such object, or the server knows of no such kind. */
  async find(key: ObjectKey, options?: CallOptions): Promise<T | undefined> {
    try {
      return await this.get(key, options);
    } catch (error) {
      if (isKubeError(error, 'not-found')) return undefined;
      throw error;
    }
  }

  /** One page, or everything when there is no limit. Items of built-in resources come without apiVersion and kind. */
  async list(query: ListQuery = {}, options?: CallOptions): Promise<KubeList<T>> {
    const { namespace, ...rest } = query;
    const path = this.#collection(namespace);
    const list = await this.#client.request<Partial<KubeList<T>>>(
      { method: 'GET', path, query: rest },
      options,
    );
    if (!Array.isArray(list.items) || list.metadata === undefined)
      throw new KubeError(
        'internal',
        `GET ${path}: the answer is no list: a proxy may stand before the API server`,
      );
    return list as KubeList<T>;
  }

  /**
   * Creates the object. Of a metadata.name that is given, 'already-exists' may speak of our own first sending, see
   * {@link KubeClient}: compare what is there. With generateName a broken connection is always an error.
   */
  async create(object: T, options: WriteOptions = {}): Promise<T> {
    const { name, namespace } = object.metadata;
    return this.#write(
      'POST',
      this.#collection(namespace),
      object,
      options,
      name === undefined ? 'never' : 'named',
    );
  }

  /** With metadata.resourceVersion: 'conflict' when the object has changed since. Without: overwrites. */
  async replace(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write('PUT', this.#pathOf(object), object, options, 'always');
  }

  async replaceStatus(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write('PUT', this.#pathOf(object, 'status'), object, options, 'always');
  }

  async patch(key: ObjectKey, body: unknown, options: PatchOptions = {}): Promise<T> {
    const type = options.type ?? 'merge';
    return this.#client.request<T>(
      {
        method: 'PATCH',
        path: this.#path(key, options.subresource),
        query: writeQuery(options),
        body,
        contentType: patchTypes[type],
        repeatable: type === 'json' ? 'never' : 'always',
      },
      options,
    );
  }

  /** Server-side apply: creates or updates, and owns exactly the fields given. */
  async apply(object: T, options: ApplyOptions): Promise<T> {
    // The server refuses managedFields in what is applied.
    const { managedFields: _, ...metadata } = object.metadata;
    return this.#client.request<T>(
      {
        method: 'PATCH',
        path: this.#pathOf(object, options.subresource),
        query: { ...writeQuery(options), force: options.force === true ? true : undefined },
        body: this.#typed({ ...object, metadata }),
        contentType: 'application/apply-patch+yaml',
        repeatable: 'always',
      },
      options,
    );
  }

  /** Resolves when the server has taken the deletion; finalizers may keep the object for a while. */
  async delete(key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    await this.#client.request({ method: 'DELETE', path: this.#path(key), ...deleteBody(options) }, options);
  }

  /** One watch, until the server ends it: see {@link Reflector} for a view that goes on. */
  async watch(
    query: WatchQuery,
    onEvent: (event: WatchEvent<T>) => void,
    options: StreamOptions,
  ): Promise<void> {
    const { namespace, ...rest } = query;
    const call: Call = { method: 'GET', path: this.#collection(namespace), query: { ...rest, watch: true } };
    return this.#client.stream(call, onEvent, options);
  }

  #write(
    method: 'POST' | 'PUT',
    path: string,
    object: T,
    options: WriteOptions,
    repeatable: 'always' | 'named' | 'never',
  ): Promise<T> {
    return this.#client.request<T>(
      { method, path, query: writeQuery(options), body: this.#typed(object), repeatable },
      options,
    );
  }

  #typed(object: KubeObject): KubeObject {
    return { apiVersion: this.#apiVersion, kind: this.type.kind, ...object };
  }

  #collection(namespace: string | undefined): string {
    const { namespaced, plural } = this.type;
    return namespaced && namespace !== undefined && namespace !== ''
      ? `${this.#root}/namespaces/${segment(namespace)}/${plural}`
      : `${this.#root}/${plural}`;
  }

  #pathOf(object: T, subresource?: string): string {
    const { namespace, name } = object.metadata;
    return this.#path({ namespace: namespace ?? '', name: name ?? '' }, subresource);
  }

  #path(key: ObjectKey, subresource?: string): string {
    if (this.type.namespaced && (key.namespace === undefined || key.namespace === '')) {
      throw new KubeError('bad-request', `${this.type.plural} "${key.name}": no namespace given`);
    }
    const path = `${this.#collection(key.namespace)}/${segment(key.name)}`;
    return subresource === undefined ? path : `${path}/${subresource}`;
  }
}

/**
 * A name as one part of a path. Names come from users' objects too: one that the server would not allow must not reach
 * another path, and an empty one not the whole collection, where a delete would take everything.
 */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('%')) {
    throw new KubeError('bad-request', `"${name}" is not a name that an object can have`);
  }
  return encodeURIComponent(name);
}

function writeQuery(options: { fieldManager?: string | undefined; dryRun?: boolean | undefined }): {
  fieldManager?: string;
  dryRun?: string;
} {
  return {
    ...(options.fieldManager !== undefined && { fieldManager: options.fieldManager }),
    ...(options.dryRun === true && { dryRun: 'All' }),
  };
}

function deleteBody(options: DeleteOptions): { body?: unknown } {
  const { uid, resourceVersion, propagationPolicy, gracePeriodSeconds } = options;
  const preconditions =
    uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
  return preconditions === undefined && propagationPolicy === undefined && gracePeriodSeconds === undefined
    ? {}
    : {
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          preconditions,
          propagationPolicy,
          gracePeriodSeconds,
        },
      };
}
