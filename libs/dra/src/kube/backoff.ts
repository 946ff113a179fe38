import { setTimeout as delay } from 'node:timers/promises';

/** How fast retries slow down. */
export interface BackoffOptions {
  /** Before the first retry, in ms. */
  readonly initialMs: number;
  /** Never longer than this, in ms. */
  readonly maximumMs: number;
}

/** Unlimited patience, bounded speed: doubling delays with jitter, so that the nodes of a cluster do not come back in step. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** How often `next` was asked since the last `reset`. */
  get failures(): number {
    return this.#failures;
  }

  /** The next delay in ms, at least `minimumMs` (what a server asked for). */
  next(minimumMs = 0): number {
    const ceiling = Math.min(this.#options.maximumMs, this.#options.initialMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return Math.max(minimumMs, ceiling * (0.5 + Math.random() / 2));
  }

  /** Begins again with the shortest delay. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Waits; returns early, without an error, when `signal` is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
