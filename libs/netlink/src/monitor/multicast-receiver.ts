import type { FdWatch } from '@patchbay/ffi';
import { NetlinkSocket } from '../socket/netlink-socket.ts';
import { foreignLibraries } from '../system/foreign-libraries.ts';
import { SystemCallError } from '../system/system-error.ts';

/** The default holds 92 link events; this some 7,000. */
const receiveBuffer = 8 * 1024 * 1024;
const receiveSize = 64 * 1024;
/** Datagrams taken in one turn of the event loop, so that a flood leaves time for others. */
const largestTurn = 512;

/** What a {@link MulticastReceiver} listens to, and who is told. */
export interface MulticastOptions {
  readonly protocol: number;
  readonly groups: readonly number[];
  readonly namespace?: { readonly fd: number; readonly path: string };
  /** Takes one datagram. The bytes are used again after it returns. */
  onDatagram(bytes: Buffer, length: number): void;
  /** Called after the last datagram of a turn. */
  onTurn(lost: boolean): void;
}

/** Receives what the kernel sends to multicast groups, until it is closed. Keeps the process alive. */
export class MulticastReceiver {
  readonly #socket: NetlinkSocket;
  readonly #watch: FdWatch;
  readonly #options: MulticastOptions;
  readonly #buffer = Buffer.allocUnsafeSlow(receiveSize);
  #closed = false;

  /** @throws SystemCallError when the namespace cannot be entered or the kernel refuses the socket */
  constructor(options: MulticastOptions) {
    const { protocol, groups, namespace } = options;
    this.#options = options;
    this.#socket = NetlinkSocket.open({
      protocol,
      groups,
      receiveBuffer,
      ...(namespace === undefined ? {} : { namespace }),
    });
    try {
      this.#watch = foreignLibraries().poll(this.#socket.fd, () => this.#receive());
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** Repeatable. Nothing is called after it returns. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#socket.close();
  }

  #receive(): void {
    let lost = false;
    for (let count = 0; count < largestTurn && !this.#closed; count++) {
      try {
        const length = this.#socket.receive(this.#buffer);
        if (length === undefined) break;
        this.#options.onDatagram(this.#buffer, Math.min(length, this.#buffer.length));
      } catch (error) {
        if (!(error instanceof SystemCallError && error.code === 'ENOBUFS')) throw error;
        lost = true;
      }
    }
    if (!this.#closed) this.#options.onTurn(lost);
  }
}
