/** How often a {@link LookPace} lets one look, all in milliseconds but the share. */
export interface LookPaceOptions {
  /** How long to gather changes before looking. */
  readonly debounceMs?: number;
  /** Share of its time, from 0 to 1, that a process may spend on looking while changes never end. */
  readonly share?: number;
  /** The longest pause between looks. */
  readonly longestPauseMs?: number;
}

/**
 * Says when to look again after a change: soon when it is quiet. While things change faster than one can look, it lets one look less and less
 * often, and never more than a share of the processor's time is spent on it, whatever a look costs on this node.
 */
export class LookPace {
  readonly #debounceMs: number;
  readonly #share: number;
  readonly #longestPauseMs: number;
  #notBefore = 0;
  /** Grows from look to look in a flood; 0 when there is none. */
  #floodPauseMs = 0;

  constructor({ debounceMs = 10, share = 0.04, longestPauseMs = 250 }: LookPaceOptions = {}) {
    this.#debounceMs = debounceMs;
    this.#share = share;
    this.#longestPauseMs = longestPauseMs;
  }

  /** How long to wait when a change is heard of at `now`; both in milliseconds of one clock. */
  delay(now: number): number {
    return Math.max(this.#debounceMs, this.#notBefore - now);
  }

  /**
   * Tells that a look has ended.
   *
   * @param costMs time of the processor that it took
   * @param changedMeanwhile whether something has changed while it lasted
   */
  looked(costMs: number, now: number, changedMeanwhile: boolean): void {
    this.#floodPauseMs = changedMeanwhile ? Math.max(this.#debounceMs, this.#floodPauseMs) * 2 : 0;
    const pause = Math.max(costMs * (1 / this.#share - 1), this.#floodPauseMs);
    this.#notBefore = now + Math.min(pause, this.#longestPauseMs);
  }
}
