/** One question to servers, asked again until it is answered. */
export interface Exchange<Answer> {
  /** Sends the question; `elapsedMs` since it was first asked. Errors end the exchange. */
  send(elapsedMs: number): void;
  /** Has packets handed to it, and tells with `answer` when one answers the question. Returns what closes it. */
  listen(answer: (answer: Answer) => void): Disposable & { readonly ready?: unknown };
  /** How long to ask in all, in milliseconds. */
  readonly timeoutMs: number;
  /** Pause before the question is asked for the second time, in milliseconds; it doubles from then on. */
  readonly firstPauseMs?: number | undefined;
  readonly longestPauseMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What RFC 2131 (section 4.1) and RFC 8415 (section 15) have vary at random, so that clients that start together do not stay together. */
const variation = 0.1;

/**
 * Asks until there is an answer.
 *
 * @returns undefined when none came in time
 * @throws the signal's reason when it is aborted, and what sending throws
 */
export function exchange<Answer>({
  send,
  listen,
  timeoutMs,
  firstPauseMs = 1_000,
  longestPauseMs = 16_000,
  signal,
}: Exchange<Answer>): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const begun = performance.now();
    let again: NodeJS.Timeout | undefined;
    let done = false;
    const finish = (settle: () => void) => {
      if (done) return;
      done = true;
      clearTimeout(again);
      clearTimeout(end);
      signal?.removeEventListener('abort', abort);
      listener[Symbol.dispose]();
      settle();
    };
    const abort = () => finish(() => reject(signal?.reason as Error));
    const ask = (pauseMs: number) => {
      if (done) return;
      try {
        send(performance.now() - begun);
      } catch (error) {
        return finish(() => reject(error as Error));
      }
      const varied = pauseMs * (1 + variation * (2 * Math.random() - 1));
      again = setTimeout(() => ask(Math.min(pauseMs * 2, longestPauseMs)), varied);
    };
    const listener = listen((answer) => finish(() => resolve(answer)));
    const end = setTimeout(() => finish(() => resolve(undefined)), timeoutMs);
    signal?.addEventListener('abort', abort, { once: true });
    ask(firstPauseMs);
  });
}
