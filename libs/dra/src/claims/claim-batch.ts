import type { AllocatedClaim } from './allocated-claim.ts';

/**
 * The claims of one call of the kubelet, which are those of one pod: has them go on in the order of the names that the pod has for them,
 * however long it took to read each. What a driver decides in the order of claims is then the same whenever the pod is made.
 */
export class ClaimBatch {
  #missing: number;
  readonly #waiting: { readonly name: string; readonly goOn: () => void }[] = [];

  /**
   * @param size how many claims will come, or be given up
   * @param signal has nobody wait any longer
   */
  constructor(size: number, signal: AbortSignal) {
    this.#missing = size;
    signal.addEventListener('abort', () => this.#goOn(), { once: true });
  }

  /** Resolves when all others have come or were given up, and those with lower names have gone on. */
  async come({ podClaimName, name, uid }: AllocatedClaim): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push({ name: [podClaimName ?? name, uid].join('\0'), goOn: resolve });
      this.giveUp();
    });
  }

  /** Has the others wait for one claim less. */
  giveUp(): void {
    // The one that comes last must wait like the others before all go on.
    if (--this.#missing <= 0) queueMicrotask(() => this.#goOn());
  }

  #goOn(): void {
    this.#missing = 0;
    for (const { goOn } of this.#waiting.sort((a, b) => (a.name < b.name ? -1 : 1))) goOn();
  }
}
