/** Runs work one after another for the same key and concurrently for different keys. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Waits for the earlier work of `key`, then runs `work`; passes on its result or its error. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const earlier = this.#tails.get(key);
    const result = earlier === undefined ? work() : earlier.then(work, work);
    const tail = result.catch(() => {});
    this.#tails.set(key, tail);
    try {
      return await result;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
