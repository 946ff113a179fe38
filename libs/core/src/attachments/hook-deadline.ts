/** What a runtime waits unless it says otherwise, in milliseconds (`DefaultPluginRequestTimeout`, pkg/adaptation of containerd/nri). */
const usualMs = 2_000;
/** Of that, what work is waited for. Answering early costs little, being late much, and on a busy node this process is late as well. */
const share = 0.5;

/**
 * Has hooks answered before the runtime stops waiting: it would drop the driver, go on without it, and tell it nothing of what happens until it
 * has connected and looked at the whole node again.
 */
export class HookDeadline {
  #ms = usualMs * share;

  /** Takes up what the runtime says of itself. */
  set(runtimeWaitsMs: number): void {
    if (runtimeWaitsMs > 0) this.#ms = runtimeWaitsMs * share;
  }

  /** How long work is waited for, in milliseconds. */
  get ms(): number {
    return this.#ms;
  }

  /**
   * Waits for work, but not too long.
   *
   * @param onLate called when it takes too long; the work goes on, and its failure is nobody's to hear of
   * @returns whether it has ended; passes on its error if it has ended with one
   */
  async wait(work: Promise<unknown>, onLate: () => void): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), this.#ms);
    });
    try {
      const inTime = await Promise.race([work.then(() => true), late]);
      if (!inTime) {
        work.catch(() => {});
        onLate();
      }
      return inTime;
    } finally {
      clearTimeout(timer);
    }
  }
}
