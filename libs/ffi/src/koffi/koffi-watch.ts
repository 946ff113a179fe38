import type { FdWatch } from '../fd-watch.ts';
import type { Koffi } from './koffi-libraries.ts';

const events = { readable: true, disconnect: true };

/** A descriptor watched by libuv, which koffi gives access to. */
export class KoffiWatch implements FdWatch {
  readonly #handle: InstanceType<Koffi['node']['PollHandle']>;
  readonly #onReadable: () => void;
  #open = true;

  constructor(koffi: Koffi, fd: number, onReadable: () => void) {
    this.#onReadable = onReadable;
    this.#handle = koffi.node.poll(fd, events, this.#onEvent);
  }

  close(): void {
    if (this.#open) this.#handle.close();
    this.#open = false;
  }

  /**
   * koffi calls from outside of Node.js's callback scope: promises that are settled there would wait for the next callback, and what is thrown
   * gets lost. An immediate runs in the same turn of the loop, in a scope of its own.
   */
  readonly #onEvent = (): void => {
    setImmediate(this.#deliver);
  };

  readonly #deliver = (): void => {
    if (!this.#open) return;
    // libuv stops watching a descriptor with an error (uv__poll_io); it may be one that reading takes away, such as ENOBUFS of netlink.
    this.#handle.start(events, this.#onEvent);
    this.#onReadable();
  };
}
