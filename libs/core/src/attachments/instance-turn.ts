import { setTimeout as pause } from 'node:timers/promises';
import type { StateLocks } from './state-locks.ts';

/** The lock that stands for the turn. */
const lockName = 'turn to prepare and unprepare';
/** Between attempts to get the turn, in milliseconds. */
const pauseMs = 5;

/**
 * Has the kubelet's calls carried out by one instance at a time: any number of them side by side in the instance whose turn it is. What an
 * instance remembers of devices in use is thus never behind another's.
 */
export class InstanceTurn {
  readonly #locks: StateLocks;
  readonly #onTurn: () => void;
  #working = 0;
  #beginning: Promise<void> | undefined;

  /** @param onTurn called at the beginning of each turn: brings up to date what the others may have changed */
  constructor(locks: StateLocks, onTurn: () => void) {
    this.#locks = locks;
    this.#onTurn = onTurn;
  }

  /**
   * Runs work in this instance's turn; passes on the result or the error. Waiting for the turn has no bound: it ends when no call is under
   * way in the other instance, which gets fewer of them once it is about to end.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#working++;
    try {
      await (this.#beginning ??= this.#begin());
      return await work();
    } finally {
      if (--this.#working === 0) this.#end();
    }
  }

  async #begin(): Promise<void> {
    while (!this.#locks.tryLock(lockName)) await pause(pauseMs);
    this.#onTurn();
  }

  #end(): void {
    this.#beginning = undefined;
    this.#locks.unlock(lockName);
  }
}
