/** Lets one loop sleep until there is something to do. A call of `wake` while nobody sleeps is remembered once. */
export class WakeUp {
  #pending = false;
  #resume: (() => void) | undefined;

  /** Ends the sleep, or the next one. */
  wake(): void {
    this.#pending = true;
    this.#resume?.();
  }

  /** Sleeps until `wake`, the signal, or `timeoutMs`. */
  async sleep(signal: AbortSignal, timeoutMs?: number): Promise<void> {
    if (!this.#pending && !signal.aborted) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
        signal.addEventListener('abort', this.#onAbort, { once: true });
        if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
      signal.removeEventListener('abort', this.#onAbort);
      this.#resume = undefined;
    }
    this.#pending = false;
  }

  readonly #onAbort = (): void => this.#resume?.();
}
