import { BatchReplies } from '../socket/batch-replies.ts';
import { receiveReplies } from '../socket/exchange.ts';
import { NetlinkError } from '../socket/netlink-error.ts';
import { NetlinkSocket } from '../socket/netlink-socket.ts';
import { type NetlinkRequest, storeBatch, writeBatch } from '../socket/request-batch.ts';
import { SocketPool } from '../socket/socket-pool.ts';
import type { MessageReader } from '../wire/message-reader.ts';
import type { ReferencedNamespace } from '../wire/message-writer.ts';
import { type GenericRequest, genericHeaderSize } from './generic-request.ts';

/** Where a {@link GenericSocket} is opened, and whom it speaks to. */
export interface GenericSocketOptions {
  /** Name of the family, such as `ethtool`. */
  readonly family: string;
  /** Version of the family's interface. */
  readonly version: number;
  /** Default: the namespace that this thread is in. The socket works on after the namespace object is closed. */
  readonly namespace?: Pick<ReferencedNamespace, 'fd' | 'path'>;
}

/** `NETLINK_GENERIC` (linux/netlink.h). */
const protocol = 16;
/** Answers wait here until they are read; the memory is taken only when it is needed. */
const receiveBuffer = 1024 * 1024;
/** The family that knows the numbers of the others (`GENL_ID_CTRL`, `CTRL_CMD_GETFAMILY`, `CTRL_ATTR_*`, linux/genetlink.h). */
const control = { type: 16, version: 2, getFamily: 3, attributes: { id: 1, name: 2 } } as const;
const longestFamilyName = 15;
const enoent = 2;

/** Speaks to one family of generic netlink in one network namespace. */
export class GenericSocket {
  readonly #socket: NetlinkSocket;
  readonly #pool: SocketPool;
  readonly #version: number;
  /** The kernel gives families their numbers when they register, in all namespaces the same. */
  readonly #type: number;
  #sequence = 0;

  private constructor(socket: NetlinkSocket, { family, version }: GenericSocketOptions) {
    this.#socket = socket;
    this.#pool = new SocketPool(socket);
    this.#version = version;
    this.#type = this.#resolve(family);
  }

  /**
   * @throws SystemCallError when the namespace cannot be entered or the kernel refuses the socket; NetlinkError with code ENOENT when it has
   * no such family
   */
  static open(options: GenericSocketOptions): GenericSocket {
    const { namespace } = options;
    const socket = NetlinkSocket.open({
      protocol,
      receiveBuffer,
      requests: true,
      ...(namespace === undefined ? {} : { namespace }),
    });
    try {
      return new GenericSocket(socket, options);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /**
   * Carries a request out on a thread of libuv's pool. Several may be under way, in any order.
   *
   * @throws NetlinkError when the kernel refuses it; RequestInvalidError when it cannot be written, before anything is sent
   */
  async execute(request: GenericRequest): Promise<void> {
    const message = this.#message(this.#type, this.#version, request);
    const sequence = this.#takeSequence();
    const replies = new BatchReplies([message], sequence, (reply) => request.onReply?.(reply));
    const { bytes } = storeBatch([message], sequence);
    await this.#pool.use(async (socket) => {
      await socket.sendAsync(bytes);
      // The answers were in the socket when the send returned.
      receiveReplies(socket, replies);
    });
    replies.check();
  }

  /** Repeatable. Requests that have begun are finished, those that wait for their turn are rejected. */
  close(): void {
    this.#pool.close();
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #resolve(family: string): number {
    let id: number | undefined;
    const message = this.#message(control.type, control.version, {
      operation: `looking up the generic netlink family '${family}'`,
      command: control.getFamily,
      write: (writer) => writer.string(control.attributes.name, family, longestFamilyName, 'family'),
    });
    const sequence = this.#takeSequence();
    const replies = new BatchReplies([message], sequence, (reply) => {
      id = readFamilyId(reply);
    });
    const { buffer, length } = writeBatch([message], sequence);
    this.#socket.send(buffer, length);
    receiveReplies(this.#socket, replies);
    replies.check();
    if (id === undefined) throw new NetlinkError(message.operation, enoent, 'the kernel tells no number');
    return id;
  }

  #message(type: number, version: number, { operation, command, write }: GenericRequest): NetlinkRequest {
    return {
      operation,
      type,
      flags: 0,
      write(writer) {
        const start = writer.header(genericHeaderSize);
        writer.setUint8(start, command, 'command');
        writer.setUint8(start + 1, version, 'version');
        write(writer);
      },
    };
  }

  #takeSequence(): number {
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) | 0;
    return sequence;
  }
}

function readFamilyId(message: MessageReader): number | undefined {
  const attributes = message.attributes(genericHeaderSize);
  while (attributes.next()) if (attributes.type === control.attributes.id) return attributes.uint16();
  return undefined;
}
