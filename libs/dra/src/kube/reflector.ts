import { isApiError } from './api-error.ts';
import { Backoff, pause } from './backoff.ts';
import type { BackoffOptions } from './backoff.ts';
import type { KubeApi, WatchRequest } from './kube-api.ts';
import type { KubernetesList, KubernetesObject } from './kubernetes-object.ts';

/** What a `Reflector` mirrors and whom it tells. */
export interface ReflectorOptions<T extends KubernetesObject> {
  readonly api: KubeApi;
  /** Path of the collection; asked before every list, so it may follow a change of the API version. */
  readonly path: () => Promise<string>;
  readonly query?: WatchRequest['query'];
  /** Turns what the server sent into what is kept; the object as it is unless given. */
  readonly transform?: (object: KubernetesObject) => T;
  /** Called after every change of `items`, also those made by `observe` and `forget` (with `'own'`). */
  readonly onChange: (origin: 'server' | 'own') => void;
  /** Told about every failure; the reflector carries on. */
  readonly onError?: (error: Error) => void;
  readonly backoff?: BackoffOptions;
}

const defaultBackoff: BackoffOptions = { initialMs: 200, maximumMs: 30_000 };

/** A local copy of a collection: listed once, then kept current by a watch, forever. */
export class Reflector<T extends KubernetesObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #objects = new Map<string, T>();
  /** Objects that we deleted and whose last events may still be on the way. */
  readonly #forgotten = new Set<string>();
  #synced = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  /** Whether the copy has been complete once. */
  get synced(): boolean {
    return this.#synced;
  }

  /** The objects as last seen. */
  items(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** Takes over what a write of our own returned, without waiting for the watch to tell. */
  observe(object: KubernetesObject): void {
    if (this.#store(object)) this.#options.onChange('own');
  }

  /** Takes over that an object is gone. */
  forget(uid: string): void {
    this.#forgotten.add(uid);
    if (this.#objects.delete(uid)) this.#options.onChange('own');
  }

  /** Mirrors until the signal is aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#options.backoff ?? defaultBackoff);
    let version: string | undefined;
    let path = '';
    while (!signal.aborted) {
      try {
        if (version === undefined) {
          path = await this.#options.path();
          version = await this.#list(path, signal);
          backoff.reset();
        }
        const started = Date.now();
        const request = { path, query: this.#options.query ?? {}, resourceVersion: version, signal };
        for await (const event of this.#options.api.watch(request)) {
          version = event.object.metadata.resourceVersion;
          backoff.reset();
          if (event.type === 'DELETED') this.#remove(event.object);
          else if (event.type !== 'BOOKMARK' && this.#store(event.object)) this.#options.onChange('server');
        }
        // A server or proxy that ends every watch at once must not be asked in a busy loop.
        if (!signal.aborted && Date.now() - started < 1_000) await pause(backoff.next(), signal);
      } catch (error) {
        if (signal.aborted) return;
        // 410: history is gone. Anything else that the server blames on the request may have to do with what was asked for, so ask from
        // scratch too; an overloaded or failing server is not asked for more than before.
        if (isApiError(error) && error.status < 500 && error.status !== 429) version = undefined;
        if (isApiError(error, 410)) continue;
        this.#options.onError?.(error instanceof Error ? error : new Error(String(error)));
        await pause(backoff.next(isApiError(error) ? (error.retryAfterSeconds ?? 0) * 1000 : 0), signal);
      }
    }
  }

  async #list(path: string, signal: AbortSignal): Promise<string> {
    const query = this.#options.query ?? {};
    const list = await this.#options.api.request<KubernetesList<KubernetesObject>>({
      method: 'GET',
      path,
      query,
      signal,
    });
    const listed = (list.items ?? []).map((object) => this.#transform(object));
    this.#forgotten.clear();
    this.#objects.clear();
    for (const object of listed) this.#objects.set(object.metadata.uid, object);
    this.#synced = true;
    this.#options.onChange('server');
    return list.metadata.resourceVersion;
  }

  #transform(object: KubernetesObject): T {
    return this.#options.transform?.(object) ?? (object as T);
  }

  #store(object: KubernetesObject): boolean {
    const uid = object.metadata.uid;
    if (this.#forgotten.has(uid)) return false;
    const known = this.#objects.get(uid);
    if (known !== undefined && !isNewer(object, known)) return false;
    this.#objects.set(uid, this.#transform(object));
    return true;
  }

  #remove(object: KubernetesObject): void {
    this.#forgotten.delete(object.metadata.uid);
    if (this.#objects.delete(object.metadata.uid)) this.#options.onChange('server');
  }
}

/** Resource versions grow; comparing them is promised since Kubernetes 1.35 (KEP-5504) and has always worked with etcd. */
function isNewer(object: KubernetesObject, known: KubernetesObject): boolean {
  const [a, b] = [object.metadata.resourceVersion, known.metadata.resourceVersion];
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return a !== b;
  return BigInt(a) > BigInt(b);
}
