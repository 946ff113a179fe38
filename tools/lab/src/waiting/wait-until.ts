/** What was waited for did not come in time. */
export class WaitTimeoutError extends Error {
  constructor(what: string, timeoutMs: number, options?: ErrorOptions) {
    super(`${what}: not within ${String(timeoutMs)} ms`, options);
    this.name = 'WaitTimeoutError';
  }
}

/** How long to wait, and how often to look. */
export interface WaitOptions {
  readonly timeoutMs: number;
  /** Pause between looks; 10 ms by default. */
  readonly intervalMs?: number;
}

/**
 * Asks again and again until the answer is neither undefined nor false.
 *
 * @param what names the condition in the error: as it is, or what to read once the time is up
 * @throws WaitTimeoutError
 */
export async function waitUntil<T>(
  what: string | (() => string),
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  options: WaitOptions,
): Promise<T> {
  const end = Date.now() + options.timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) {
      throw new WaitTimeoutError(typeof what === 'string' ? what : what(), options.timeoutMs);
    }
    await pause(options.intervalMs ?? 10);
  }
}

/** Resolves after a time, or at once when the signal aborts. Never rejects. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done, { once: true });
  });
}
