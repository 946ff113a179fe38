import type { KubeObject } from '../objects/kube-object.ts';
import type { ObjectStore } from './object-store.ts';

/** All objects of a resource, ordered by name: read again only after one of them has changed. */
export class LiveList<T extends KubeObject> {
  readonly #store: ObjectStore;
  readonly #resource: string;
  #items: readonly T[] | undefined;

  /** @param resource the storage name; its objects must have the form T, which only their strategy can know */
  constructor(store: ObjectStore, resource: string) {
    this.#store = store;
    this.#resource = resource;
    store.subscribe((event) => {
      if (event.resource === resource) this.#items = undefined;
    });
  }

  /** The objects as they are now. */
  get items(): readonly T[] {
    this.#items ??= this.#store.list(this.#resource) as T[];
    return this.#items;
  }
}
