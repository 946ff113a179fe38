import { ApiRequestError } from '../apiserver/lab-api-client.ts';
import type { LabApiClient } from '../apiserver/lab-api-client.ts';
import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import { pause } from '../waiting/wait-until.ts';

const RETRY_MS = 100;

/** What a cache is of. */
export interface ObjectCacheOptions {
  api: LabApiClient;
  /** List path of the resource. */
  path: string;
  onChange: () => void;
  onError: (error: unknown) => void;
}

/** All objects of a resource, kept up to date by list and watch. */
export class ObjectCache<T extends KubeObject> {
  readonly #options: ObjectCacheOptions;
  readonly #objects = new Map<string, T>();
  /** Revisions up to which objects are known to be deleted, so that late events do not bring them back. */
  readonly #deleted = new Map<string, number>();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ObjectCacheOptions) {
    this.#options = options;
  }

  /** Reads the present state and keeps it up to date from then on. */
  async start(): Promise<void> {
    const revision = await this.#list();
    this.#running = this.#run(revision);
  }

  /** Ends the watch. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** The objects, oldest first, by name where they are equally old. */
  all(): T[] {
    return [...this.#objects.values()].sort((a, b) => order(a).localeCompare(order(b)));
  }

  /** The object of that name; cluster-scoped objects have the empty namespace. */
  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  /** Takes in an object that a write returned, unless the watch has brought a newer one. */
  put(object: T): void {
    const id = idOf(object);
    const known = this.#objects.get(id);
    const revision = revisionOf(object);
    if (known !== undefined && revisionOf(known) >= revision) return;
    if ((this.#deleted.get(id) ?? 0) >= revision) return;
    this.#objects.set(id, object);
  }

  /** Forgets an object that a write deleted. */
  remove(object: T): void {
    const id = idOf(object);
    this.#deleted.set(id, Math.max(this.#deleted.get(id) ?? 0, revisionOf(object)));
    this.#objects.delete(id);
  }

  async #list(): Promise<string> {
    const { items, metadata } = await this.#options.api.list<T>(this.#options.path);
    const names = new Set(items.map(idOf));
    for (const [id, object] of this.#objects) {
      if (!names.has(id) && revisionOf(object) <= Number(metadata.resourceVersion)) this.#objects.delete(id);
    }
    for (const item of items) this.put(item);
    this.#options.onChange();
    return metadata.resourceVersion;
  }

  async #run(start: string): Promise<void> {
    let revision: string | undefined = start;
    while (!this.#stop.signal.aborted) {
      try {
        revision ??= await this.#list();
        revision = await this.#watch(revision);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (error instanceof ApiRequestError && error.code === 410) revision = undefined;
        this.#options.onError(error);
        await pause(RETRY_MS, this.#stop.signal);
      }
    }
  }

  /** Watches until the server ends it; the revision to go on from, undefined when a new list is needed. */
  async #watch(revision: string): Promise<string | undefined> {
    let last = revision;
    const { api, path } = this.#options;
    const query = { resourceVersion: revision, allowWatchBookmarks: true };
    for await (const { type, object } of api.watch<T>({ path, query, signal: this.#stop.signal })) {
      if (type === 'ERROR') return undefined;
      last = object.metadata.resourceVersion ?? last;
      if (type === 'BOOKMARK') continue;
      if (type === 'DELETED') {
        const known = this.#objects.get(idOf(object));
        if (known === undefined || revisionOf(known) <= revisionOf(object)) this.remove(object);
      } else this.put(object);
      this.#options.onChange();
    }
    return last;
  }
}

function idOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

function revisionOf({ metadata }: KubeObject): number {
  return Number(metadata.resourceVersion ?? 0);
}

function order({ metadata }: KubeObject): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}
