import { messageFlags } from '../wire/message-header.ts';
import { MessageWriter } from '../wire/message-writer.ts';
import { SystemCallError } from '../system/system-error.ts';
import { NetlinkError } from './netlink-error.ts';
import type { NetlinkSocket } from './netlink-socket.ts';

/** A message that is written when it is sent. */
export interface NetlinkRequest {
  readonly operation: string;
  readonly type: number;
  /** `NLM_F_*` besides request and acknowledgement. */
  readonly flags: number;
  write(writer: MessageWriter): void;
}

/** What collects the answers to what was sent. */
export interface Replies {
  /** Takes a received datagram and says whether it was the last one. */
  take(buffer: Buffer, length: number): boolean;
}

/** The largest datagram that the kernel makes for a dump is 32 KiB; one link with many virtual functions may be larger. */
const receiveSize = 256 * 1024;
let receiveMemory: Buffer | undefined;

/** Sends requests over one socket and receives their answers. One exchange at a time. */
export class RequestChannel {
  readonly socket: NetlinkSocket;
  readonly #writer: MessageWriter;
  #sequence = 0;
  #ownMemory: Buffer | undefined;

  /** @param writer may be shared by channels that are used synchronously only */
  constructor(socket: NetlinkSocket, writer = new MessageWriter()) {
    this.socket = socket;
    this.#writer = writer;
  }

  /**
   * Writes requests one after another for the next send. The kernel carries them out in this order and does not stop at a failure; only
   * the last one is acknowledged when it succeeds.
   *
   * @returns the first one's sequence number; the others count on from it
   */
  prepare(requests: readonly NetlinkRequest[]): number {
    const writer = this.#writer;
    writer.reset();
    const first = (this.#sequence + 1) | 0;
    for (const request of requests) {
      this.#sequence = (this.#sequence + 1) | 0;
      writer.beginMessage(request.type, request.flags | messageFlags.request, this.#sequence);
      request.write(writer);
      writer.endMessage();
    }
    const isDump = requests.some(({ flags }) => (flags & messageFlags.dump) === messageFlags.dump);
    if (!isDump) writer.addFlags(messageFlags.ack);
    return first;
  }

  /** Sends what was prepared and reads all answers, on this thread. */
  exchange(replies: Replies): void {
    this.socket.send(this.#writer.buffer, this.#writer.length);
    this.receiveAll(replies);
  }

  /** Sends what was prepared on a thread of libuv's pool, holding the namespaces that it names, then reads the answers. */
  async exchangeAsync(replies: Replies): Promise<void> {
    await this.#sendAsync();
    // The answers were in the socket when the send returned.
    this.receiveAll(replies);
  }

  /** As {@link exchangeAsync}, for dumps: each receive has the kernel produce the next piece, which may wait for a lock. */
  async dumpAsync(replies: Replies): Promise<void> {
    await this.#sendAsync();
    const buffer = (this.#ownMemory ??= Buffer.allocUnsafeSlow(receiveSize));
    for (let done = false; !done;) {
      const length = await this.socket.receiveAsync(buffer);
      if (length === undefined) throw noAnswer();
      done = replies.take(buffer, length);
    }
  }

  /** Reads answers until the last one. What is left after a failure is read and dropped. */
  receiveAll(replies: Replies): void {
    const buffer = (receiveMemory ??= Buffer.allocUnsafeSlow(receiveSize));
    try {
      for (let done = false; !done;) {
        const length = this.socket.receive(buffer);
        if (length === undefined) throw noAnswer();
        if (length > buffer.length) throw new SystemCallError(`receiving ${length} bytes at once`, emsgsize);
        done = replies.take(buffer, length);
      }
    } catch (error) {
      this.#drain(buffer);
      throw error;
    }
  }

  async #sendAsync(): Promise<void> {
    const releases = this.#writer.namespaces.map((namespace) => namespace.hold());
    try {
      await this.socket.sendAsync(this.#writer.buffer, this.#writer.length);
    } finally {
      for (const release of releases) release();
    }
  }

  #drain(buffer: Buffer): void {
    try {
      while (this.socket.receive(buffer) !== undefined);
    } catch {
      // The first failure is the one to report.
    }
  }
}

const emsgsize = 90;
const eio = 5;

function noAnswer(): NetlinkError {
  return new NetlinkError('receiving', eio, 'the kernel sent fewer answers than requests');
}
