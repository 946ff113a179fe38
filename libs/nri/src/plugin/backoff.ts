import { setTimeout as delay } from 'node:timers/promises';

/** How fast attempts to connect slow down. */
export interface BackoffOptions {
  /** Before the first retry, in ms. */
  readonly initialMs: number;
  /** Never longer than this, in ms. */
  readonly maximumMs: number;
}

/** Doubling delays with jitter, so that the plugins of a node do not come back in step. */
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

  /** The next delay in ms: between a half and the whole of what the doubling gives. */
  next(): number {
    const ceiling = Math.min(
      this.#options.maximumMs,
      this.#options.initialMs * 2 ** Math.min(this.#failures, 30),
    );
    this.#failures++;
    return ceiling * (0.5 + Math.random() / 2);
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
