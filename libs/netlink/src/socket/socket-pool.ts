import type { NetlinkSocket } from './netlink-socket.ts';

/** More requests than the largest sensible thread pool would only wait inside it. */
const largestNumber = 32;
/** Sockets that are kept for the next request. */
const idleNumber = 4;

/** Sockets for requests that are under way at the same time: an answer must not meet another request's reader. */
export class SocketPool {
  readonly #template: NetlinkSocket;
  readonly #idle: NetlinkSocket[] = [];
  readonly #waiting: { resolve(socket: NetlinkSocket): void; reject(error: Error): void }[] = [];
  #inUse = 0;
  #closed = false;

  /** @param template what the sockets are to be like; must stay open as long as the pool */
  constructor(template: NetlinkSocket) {
    this.#template = template;
  }

  /**
   * Gives a socket to the work, opening one when all are in use and waiting when too many are.
   *
   * @param work leaves the socket without answers to be read, also when it fails
   * @returns rejected when the pool is closed before the work begins
   */
  async use<T>(work: (socket: NetlinkSocket) => Promise<T>): Promise<T> {
    const socket = await this.#acquire();
    try {
      return await work(socket);
    } finally {
      this.#release(socket);
    }
  }

  /** Repeatable. Work that has begun is finished. */
  close(): void {
    this.#closed = true;
    for (const socket of this.#idle.splice(0)) socket.close();
    for (const { reject } of this.#waiting.splice(0)) reject(closedError());
  }

  async #acquire(): Promise<NetlinkSocket> {
    if (this.#closed) throw closedError();
    const idle = this.#idle.pop();
    if (idle !== undefined || this.#inUse < largestNumber) {
      const socket = idle ?? this.#template.openAnother();
      this.#inUse++;
      return socket;
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #release(socket: NetlinkSocket): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next.resolve(socket);
      return;
    }
    this.#inUse--;
    if (!this.#closed && this.#idle.length < idleNumber) this.#idle.push(socket);
    else socket.close();
  }
}

function closedError(): Error {
  return new Error('the socket is closed');
}
