import type { NetlinkSocket } from './netlink-socket.ts';
import { RequestChannel } from './request-channel.ts';

/** More requests than the largest sensible thread pool would only wait inside it. */
const largestNumber = 32;
/** Sockets that are kept for the next request. */
const idleNumber = 4;

/** Sockets for requests that are under way at the same time: an answer must not meet another request's reader. */
export class ChannelPool {
  readonly #template: NetlinkSocket;
  readonly #idle: RequestChannel[] = [];
  readonly #waiting: { resolve(channel: RequestChannel): void; reject(error: Error): void }[] = [];
  #inUse = 0;
  #closed = false;

  /** @param template what the sockets are to be like; must stay open as long as the pool */
  constructor(template: NetlinkSocket) {
    this.#template = template;
  }

  /**
   * Gives a channel to the work, opening one when all are in use and waiting when too many are.
   *
   * @returns rejected when the pool is closed before the work begins
   */
  async use<T>(work: (channel: RequestChannel) => Promise<T>): Promise<T> {
    const channel = await this.#acquire();
    let reusable = false;
    try {
      const result = await work(channel);
      reusable = true;
      return result;
    } finally {
      this.#release(channel, reusable);
    }
  }

  /** Repeatable. Work that has begun is finished. */
  close(): void {
    this.#closed = true;
    for (const channel of this.#idle.splice(0)) channel.socket.close();
    for (const { reject } of this.#waiting.splice(0)) reject(closedError());
  }

  async #acquire(): Promise<RequestChannel> {
    if (this.#closed) throw closedError();
    const idle = this.#idle.pop();
    if (idle !== undefined || this.#inUse < largestNumber) {
      const channel = idle ?? new RequestChannel(this.#template.openAnother());
      this.#inUse++;
      return channel;
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #release(channel: RequestChannel, reusable: boolean): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      // The receiving loop leaves a channel empty, also after a failure.
      next.resolve(channel);
      return;
    }
    this.#inUse--;
    if (reusable && !this.#closed && this.#idle.length < idleNumber) this.#idle.push(channel);
    else channel.socket.close();
  }
}

function closedError(): Error {
  return new Error('the socket is closed');
}
