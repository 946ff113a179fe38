import { randomUUID } from 'node:crypto';
import type { KubernetesObject } from '../kube/kubernetes-object.ts';

/** What happened to an object. */
export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly collection: string;
  readonly object: KubernetesObject;
  readonly version: number;
}

/** An object as a test writes it; the store fills in what the API server would. */
export type NewObject = Omit<KubernetesObject, 'metadata'> & {
  metadata: Partial<KubernetesObject['metadata']>;
};

/** Objects of any kind with resource versions, UIDs and a history, as etcd keeps them. */
export class ObjectStore {
  readonly #objects = new Map<string, Map<string, KubernetesObject>>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  #history: StoreEvent[] = [];
  #version = 100;
  #oldest = 0;

  /** The version of the latest change. */
  get version(): number {
    return this.#version;
  }

  /** All objects of a collection, by name. */
  list(collection: string): KubernetesObject[] {
    return [...(this.#objects.get(collection)?.values() ?? [])];
  }

  /** One object. */
  get(collection: string, name: string): KubernetesObject | undefined {
    return this.#objects.get(collection)?.get(name);
  }

  /** Creates or replaces; an identical object keeps its version, as in the API server. */
  put(collection: string, object: NewObject): KubernetesObject {
    const name = object.metadata.name ?? `${object.metadata.generateName ?? ''}${randomUUID().slice(0, 5)}`;
    const existing = this.get(collection, name);
    const metadata = {
      ...object.metadata,
      name,
      uid: existing?.metadata.uid ?? object.metadata.uid ?? randomUUID(),
      resourceVersion: existing?.metadata.resourceVersion ?? '',
    };
    const stored: KubernetesObject = structuredClone({ ...object, metadata });
    if (existing !== undefined && JSON.stringify(existing) === JSON.stringify(stored)) return existing;
    const versioned = {
      ...stored,
      metadata: { ...stored.metadata, resourceVersion: String(++this.#version) },
    };
    const objects = this.#objects.get(collection) ?? new Map<string, KubernetesObject>();
    this.#objects.set(collection, objects.set(name, versioned));
    this.#publish(existing === undefined ? 'ADDED' : 'MODIFIED', collection, versioned);
    return versioned;
  }

  /** Deletes; returns what was there. */
  delete(collection: string, name: string): KubernetesObject | undefined {
    const existing = this.get(collection, name);
    if (existing === undefined) return undefined;
    this.#objects.get(collection)?.delete(name);
    const metadata = { ...existing.metadata, resourceVersion: String(++this.#version) };
    this.#publish('DELETED', collection, { ...existing, metadata });
    return existing;
  }

  /** Events after `version`; undefined when the history does not reach back so far. */
  since(version: number): StoreEvent[] | undefined {
    return version < this.#oldest ? undefined : this.#history.filter((event) => event.version > version);
  }

  /** Forgets all history: watches from an old version get 410. */
  compact(): void {
    this.#history = [];
    this.#oldest = ++this.#version;
  }

  /** Calls `listener` for every change until the returned function is called. */
  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #publish(type: StoreEvent['type'], collection: string, object: KubernetesObject): void {
    const event = { type, collection, object, version: this.#version };
    this.#history.push(event);
    for (const listener of this.#listeners) listener(event);
  }
}
