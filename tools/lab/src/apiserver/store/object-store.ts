import { deepFreeze } from '../objects/canonical-json.ts';
import { expired, tooLargeResourceVersion } from '../status-error.ts';
import type { KubeObject } from '../objects/kube-object.ts';

/** One write, as watches see it. Objects are frozen and carry the revision of the write. */
export interface StoreEvent {
  revision: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** Plural name and group, `resourceslices.resource.k8s.io`. */
  resource: string;
  object: KubeObject;
  /** What was there before; absent for ADDED. */
  previous?: KubeObject;
}

/** Where an object is kept. Cluster-scoped objects have the empty namespace. */
export interface ObjectKey {
  resource: string;
  namespace: string;
  name: string;
}

/**
 * All objects in their storage form, with one revision counter for everything, as etcd has, and the history
 * of writes since the last compaction. Revisions start above 1 so that nothing mistakes them for a count.
 */
export class ObjectStore {
  #revision = 100;
  #compacted = 0;
  #history: StoreEvent[] = [];
  readonly #objects = new Map<string, { key: ObjectKey; object: KubeObject }>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();

  /** The revision of the last write. */
  get revision(): number {
    return this.#revision;
  }

  /** The revision up to which the history is gone. */
  get compactedRevision(): number {
    return this.#compacted;
  }

  /** The object, frozen; undefined when there is none. */
  get(key: ObjectKey): KubeObject | undefined {
    return this.#objects.get(path(key))?.object;
  }

  /** Where all objects are. */
  keys(): ObjectKey[] {
    return [...this.#objects.values()].map(({ key }) => key);
  }

  /**
   * The objects of a resource, in all namespaces or one, ordered by namespace and name; at an older revision
   * when one is given. Throws "Expired" for a compacted revision, a time-out for one in the future.
   */
  list(resource: string, namespace?: string, revision = this.#revision): KubeObject[] {
    const found = new Map<string, KubeObject>();
    for (const [id, { key, object }] of this.#objects) {
      if (key.resource === resource) found.set(id, object);
    }
    for (const event of this.since(revision).reverse()) {
      if (event.resource !== resource) continue;
      const id = path(keyOf(event));
      if (event.previous === undefined) found.delete(id);
      else found.set(id, event.previous);
    }
    return [...found.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object)
      .filter((object) => namespace === undefined || object.metadata.namespace === namespace);
  }

  /** Adds or replaces an object and returns it with its new revision. The caller has checked for conflicts. */
  put(key: ObjectKey, object: KubeObject): KubeObject {
    const previous = this.get(key);
    const stored = this.#stamp(object);
    this.#objects.set(path(key), { key, object: stored });
    this.#record({
      revision: this.#revision,
      type: previous === undefined ? 'ADDED' : 'MODIFIED',
      resource: key.resource,
      object: stored,
      ...(previous === undefined ? {} : { previous }),
    });
    return stored;
  }

  /** Removes an object and returns its last state with the revision of the removal; undefined when absent. */
  delete(key: ObjectKey): KubeObject | undefined {
    const previous = this.get(key);
    if (previous === undefined) return undefined;
    this.#objects.delete(path(key));
    const object = this.#stamp(previous);
    this.#record({ revision: this.#revision, type: 'DELETED', resource: key.resource, object, previous });
    return object;
  }

  /** The writes after a revision, oldest first. Throws "Expired" when they are compacted, a time-out for the future. */
  since(revision: number): StoreEvent[] {
    if (revision > this.#revision) throw tooLargeResourceVersion(revision, this.#revision);
    if (revision < this.#compacted) {
      throw expired(`too old resource version: ${String(revision)} (${String(this.#compacted)})`);
    }
    return this.#history.filter((event) => event.revision > revision);
  }

  /** Forgets the history up to a revision; by default all of it. */
  compact(revision = this.#revision): void {
    this.#compacted = Math.max(this.#compacted, Math.min(revision, this.#revision));
    this.#history = this.#history.filter((event) => event.revision > this.#compacted);
  }

  /** Calls the listener synchronously after each write, until the returned function is called. */
  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #stamp(object: KubeObject): KubeObject {
    this.#revision += 1;
    const copy = structuredClone(object);
    copy.metadata.resourceVersion = String(this.#revision);
    return deepFreeze(copy);
  }

  #record(event: StoreEvent): void {
    this.#history.push(event);
    for (const listener of [...this.#listeners]) listener(event);
  }
}

function path({ resource, namespace, name }: ObjectKey): string {
  return `${resource}/${namespace}/${name}`;
}

function keyOf({ resource, object }: StoreEvent): ObjectKey {
  return { resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name ?? '' };
}
