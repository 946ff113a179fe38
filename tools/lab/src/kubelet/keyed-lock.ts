/** Mutual exclusion by key: work on different keys runs side by side. */
export class KeyedLock {
  /** The end of the last work queued for each key. */
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs work once everything queued before for any of the keys has ended. Not reentrant. */
  async run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    let release: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => {
      release = resolve;
    });
    // Queued for all keys in one go, so two works never wait for each other.
    const before = keys.map((key) => this.#tails.get(key));
    for (const key of keys) this.#tails.set(key, mine);
    try {
      await Promise.all(before);
      return await work();
    } finally {
      for (const key of keys) if (this.#tails.get(key) === mine) this.#tails.delete(key);
      release();
    }
  }
}
