/**
 * Keeps several instances of the driver that share a state directory (during a rolling update) out of each other's way. A lock is gone with
 * the process that had it, however that ended. Locks say nothing within one process: see {@link ClaimLocks}.
 */
export interface StateLocks {
  /** Runs short synchronous work while no other instance does so; waits for them. */
  exclusively<T>(work: () => T): T;
  /** Takes a named lock unless another instance has it; returns whether this instance has it now. */
  tryLock(name: string): boolean;
  /** Gives a named lock up. */
  unlock(name: string): void;
}

/** For a driver that has its state directory for itself. */
export const soleInstance: StateLocks = {
  exclusively: (work) => work(),
  tryLock: () => true,
  unlock: () => {},
};
