import { setTimeout as pause } from 'node:timers/promises';
import { KeyedMutex } from './keyed-mutex.ts';
import { soleInstance, type StateLocks } from './state-locks.ts';

/** First and longest pause between attempts to take what another instance has, in milliseconds. */
const firstPauseMs = 1;
const longestPauseMs = 20;

/** Has a claim worked on by one at a time, in this process and in other instances on the same state. */
export class ClaimLocks {
  readonly #mutex = new KeyedMutex();
  readonly #locks: StateLocks;

  constructor(locks: StateLocks = soleInstance) {
    this.#locks = locks;
  }

  /** Waits for the earlier work of `key`, wherever, then runs `work`; passes on its result or its error. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#mutex.run(key, async () => {
      // Without another instance this never waits: the runtime's hook goes on in the same turn of the event loop.
      if (!this.#locks.tryLock(key)) await this.#wait(key);
      try {
        return await work();
      } finally {
        this.#locks.unlock(key);
      }
    });
  }

  async #wait(key: string): Promise<void> {
    for (let ms = firstPauseMs; !this.#locks.tryLock(key); ms = Math.min(2 * ms, longestPauseMs)) {
      await pause(ms);
    }
  }
}
