/** What a runtime waits unless it says otherwise, in milliseconds (`DefaultPluginRequestTimeout`, pkg/adaptation of containerd/nri). */
const usualMs = 2_000;
/** Of that, what work is waited for. Being late costs much, and on a busy node this process is late as well. */
const share = 0.5;
/** What a new sandbox is waited for: whatever takes longer holds up every other pod of the node, and the gate waits as well. */
const sandboxShare = 0.125;

/**
 * Has hooks answered before the runtime stops waiting: it would drop the driver, go on without it, and tell it nothing of what happens until it
 * has connected and looked at the whole node again.
 */
export class HookDeadline {
  #runtimeMs = usualMs;

  /** Takes up what the runtime says of itself. */
  set(runtimeWaitsMs: number): void {
    if (runtimeWaitsMs > 0) this.#runtimeMs = runtimeWaitsMs;
  }

  /** How long work is waited for, in milliseconds. */
  get ms(): number {
    return this.#runtimeMs * share;
  }

  /** How long a new sandbox is waited for, in milliseconds. */
  get sandboxMs(): number {
    return this.#runtimeMs * sandboxShare;
  }

  /**
   * Waits for work, but not too long.
   *
   * @param ms how long
   * @param onLate called when it takes too long; the work goes on, and its failure is nobody's to hear of
   * @returns whether it has ended; passes on its error if it has ended with one
   */
  wait(work: Promise<unknown>, ms: number, onLate: () => void): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        onLate();
        resolve(false);
      }, ms);
      work.then(
        () => {
          clearTimeout(timer);
          resolve(true);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }
}
