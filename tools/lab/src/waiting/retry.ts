import { pause } from './wait-until.ts';

/** Pauses between attempts in ms. */
export interface RetryPauses {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** How {@link retry} goes on after a failure. */
export interface RetryOptions extends RetryPauses {
  /** Ends the attempts: the last failure is thrown. */
  readonly signal: AbortSignal;
  /** Told of every failure; by throwing it ends the attempts. */
  readonly onFailure: (error: unknown, attempt: number) => void;
}

/**
 * Repeats work until it succeeds, with pauses that double.
 *
 * @param work gets the number of the attempt, counted from 1
 * @throws what the last attempt threw, after the signal; what `onFailure` throws
 */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      options.onFailure(error, attempt);
      if (options.signal.aborted) throw error;
      await pause(
        Math.min(options.firstMs * 2 ** Math.min(attempt - 1, 20), options.longestMs),
        options.signal,
      );
      if (options.signal.aborted) throw error;
    }
  }
}
