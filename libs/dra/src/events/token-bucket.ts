/** How much is allowed at once, and how fast it comes back. */
export interface RateLimit {
  /** So many at once. */
  readonly burst: number;
  /** One more after so many ms. */
  readonly refillMs: number;
}

/** Allows a burst, then one at a time at a steady pace. */
export class TokenBucket {
  readonly #limit: RateLimit;
  /** May be below zero: what was taken in advance. */
  #tokens: number;
  #countedAt = performance.now();

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#tokens = limit.burst;
  }

  /** Takes one if there is one. */
  tryTake(): boolean {
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes one if there is one; returns after how many ms there is, 0 when it was taken. */
  takeOrWait(): number {
    if (this.tryTake()) return 0;
    return Math.ceil((1 - this.#tokens) * this.#limit.refillMs);
  }

  /** Takes one in any case; returns after how many ms it may be used. */
  reserve(): number {
    this.#refill();
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : -this.#tokens * this.#limit.refillMs;
  }

  #refill(): void {
    const now = performance.now();
    const grown = this.#tokens + (now - this.#countedAt) / this.#limit.refillMs;
    this.#tokens = Math.min(this.#limit.burst, grown);
    this.#countedAt = now;
  }
}
