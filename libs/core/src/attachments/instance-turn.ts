import { setTimeout as pause } from 'node:timers/promises';
import type { StateLocks } from './state-locks.ts';

/** The lock that stands for the turn. */
const lockName = 'turn to prepare and unprepare';
/** The lock of the instance that has the next turn: it is taken first, and given up when the turn has come. */
const nextLockName = 'next turn to prepare and unprepare';
/** Between attempts to get the turn, in milliseconds. */
const pauseMs = 5;

/** The calls that one instance carries out until another one's turn comes. */
class Turn {
  /** Calls under way, and those that wait for the turn to come. */
  working = 0;
  /** Whether it has come. */
  begun = false;
  /** Whether calls that come now must wait for the next turn, because another instance waits for its own. */
  closed = false;
  /** Ends it. */
  end = () => {};
  readonly ended = new Promise<void>((resolve) => (this.end = resolve));
  /** Resolves when it has come; to false when everybody had given up waiting before. */
  readonly beginning: Promise<boolean>;

  constructor(begin: (turn: Turn) => Promise<boolean>) {
    this.beginning = begin(this);
    // Whoever has joined hears of it.
    this.beginning.catch(() => {});
  }
}

/**
 * Has the kubelet's calls carried out by one instance at a time: any number of them side by side in the instance whose turn it is. What an
 * instance remembers of devices in use is thus never behind another's.
 *
 * As soon as another instance waits, a turn takes no more calls, and the other one's comes when those under way are done.
 */
export class InstanceTurn {
  readonly #locks: StateLocks;
  readonly #onTurn: () => void;
  #turn: Turn | undefined;

  /** @param onTurn called at the beginning of each turn: brings up to date what the others may have changed */
  constructor(locks: StateLocks, onTurn: () => void) {
    this.#locks = locks;
    this.#onTurn = onTurn;
  }

  /**
   * Runs work in this instance's turn; passes on the result or the error. Waits for as long as the calls take that are under way in the
   * other instance, and those that have waited there.
   *
   * @param signal ends the waiting, with its reason; not the work
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const turn = await this.#join(signal);
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      this.#leave(turn);
    }
  }

  async #join(signal: AbortSignal | undefined): Promise<Turn> {
    for (;;) {
      signal?.throwIfAborted();
      const current = this.#turn;
      if (current !== undefined && this.#isClosed(current)) {
        await unlessAborted(current.ended, signal);
        continue;
      }
      const turn = (this.#turn = current ?? new Turn((begun) => this.#wait(begun)));
      turn.working++;
      try {
        if (await unlessAborted(turn.beginning, signal)) return turn;
      } catch (error) {
        this.#leave(turn);
        throw error;
      }
    }
  }

  #isClosed(turn: Turn): boolean {
    if (!turn.begun || turn.closed) return turn.closed;
    // Nobody can have taken it but another instance that waits.
    if (this.#locks.tryLock(nextLockName)) this.#locks.unlock(nextLockName);
    else turn.closed = true;
    return turn.closed;
  }

  async #wait(turn: Turn): Promise<boolean> {
    // Whoever begins the turn must have joined it.
    await Promise.resolve();
    for (const name of [nextLockName, lockName]) {
      while (turn.working > 0 && !this.#locks.tryLock(name)) await pause(pauseMs);
    }
    this.#locks.unlock(nextLockName);
    if (turn.working === 0) return false;
    this.#onTurn();
    turn.begun = true;
    return true;
  }

  #leave(turn: Turn): void {
    if (--turn.working > 0) return;
    // One that everybody has given up may have been followed by another, which has the lock.
    if (this.#turn === turn || this.#turn === undefined) {
      this.#turn = undefined;
      this.#locks.unlock(lockName);
    }
    turn.end();
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => (abort = () => reject(signal.reason as Error)));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
