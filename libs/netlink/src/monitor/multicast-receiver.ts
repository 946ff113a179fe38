import type { FdWatch } from '@patchbay/ffi';
import { DatagramBatch } from '../socket/datagram-batch.ts';
import { NetlinkSocket } from '../socket/netlink-socket.ts';
import { foreignLibraries } from '../system/foreign-libraries.ts';
import { SystemCallError } from '../system/system-error.ts';

/** The default holds 92 link events; this some 7,000. */
const receiveBuffer = 8 * 1024 * 1024;
/** A link with many alternative names is some kilobytes. */
const receiveSize = 32 * 1024;
/** Datagrams received by one call. */
const batchSize = 32;
/** Calls in one turn of the event loop, so that a flood leaves time for others. */
const largestTurn = 16;

/** What a {@link MulticastReceiver} listens to, and who is told. */
export interface MulticastOptions {
  readonly protocol: number;
  readonly groups: readonly number[];
  readonly namespace?: { readonly fd: number; readonly path: string };
  /** Whether to hear the groups also of the namespaces that have a number in this one. */
  readonly allNamespaces?: boolean;
  /** Takes one datagram, and the number of the namespace that it is from if it has one. The bytes are used again after it returns. */
  onDatagram(bytes: Buffer, length: number, namespaceId: number | undefined): void;
  /** Called after the last datagram of a turn. */
  onTurn(): void;
  /** Called after that when datagrams were lost, once what was not lost has been taken: whatever happens from then on is received again. */
  onLost(): void;
}

/** Receives what the kernel sends to multicast groups, until it is closed. Keeps the process alive. */
export class MulticastReceiver {
  readonly #socket: NetlinkSocket;
  readonly #watch: FdWatch;
  readonly #options: MulticastOptions;
  readonly #batch = new DatagramBatch(batchSize, receiveSize);
  /**
   * Whether the kernel has said so. Having said it once, it drops all that it would send until everything that waits has been received
   * (`NETLINK_S_CONGESTED`, net/netlink/af_netlink.c), so whoever reads the state anew must not do it before that.
   */
  #lost = false;
  #closed = false;

  /** @throws SystemCallError when the namespace cannot be entered or the kernel refuses the socket */
  constructor(options: MulticastOptions) {
    const { protocol, groups, allNamespaces = false, namespace } = options;
    this.#options = options;
    this.#socket = NetlinkSocket.open({
      protocol,
      groups,
      allNamespaces,
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
    let drained = false;
    for (let call = 0; call < largestTurn && !drained && !this.#closed; call++) {
      try {
        const count = this.#socket.receiveBatch(this.#batch);
        drained = count < batchSize;
        this.#take(count);
      } catch (error) {
        if (!(error instanceof SystemCallError && error.code === 'ENOBUFS')) throw error;
        this.#lost = true;
      }
    }
    if (!this.#closed) this.#options.onTurn();
    // Whoever was called may have closed it.
    if (!drained || !this.#lost || this.#closed) return;
    this.#lost = false;
    this.#options.onLost();
  }

  #take(count: number): void {
    const batch = this.#batch;
    const { onDatagram } = this.#options;
    for (let number = 0; number < count && !this.#closed; number++)
      onDatagram(batch.bytes(number), batch.length(number), batch.namespaceId(number));
    batch.prepare(count);
  }
}
