import type { NetlinkError, RouteRequest, RouteSocket } from '@patchbay/netlink';

/** A link that waits to be moved. */
interface Move {
  readonly requests: readonly RouteRequest[];
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Has links of the host moved. Those that are asked for in one turn of the event loop go to the kernel together, in their order: it moves one
 * link after the other, some 20 ms each, and between two of a pod it would wait for us.
 */
export class LinkMoves {
  readonly #host: Pick<RouteSocket, 'attemptAsync'>;
  #waiting: Move[] = [];

  /** @param host in the host's namespace; stays the caller's to close */
  constructor(host: Pick<RouteSocket, 'attemptAsync'>) {
    this.#host = host;
  }

  /**
   * Carries requests out for one link.
   *
   * @throws NetlinkError of the first that failed, after all have been tried; what fails for other links is theirs
   */
  move(...requests: readonly RouteRequest[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ requests, resolve, reject }) === 1) queueMicrotask(() => void this.#send());
    });
  }

  async #send(): Promise<void> {
    const moves = this.#waiting;
    this.#waiting = [];
    let failures: readonly NetlinkError[];
    try {
      failures = await this.#host.attemptAsync(...moves.flatMap(({ requests }) => requests));
    } catch (error) {
      for (const move of moves) move.reject(error);
      return;
    }
    let end = 0;
    for (const { requests, resolve, reject } of moves) {
      const begin = end;
      end += requests.length;
      const failure = failures.find(({ messageIndex }) => messageIndex >= begin && messageIndex < end);
      if (failure === undefined) resolve();
      else reject(failure);
    }
  }
}
