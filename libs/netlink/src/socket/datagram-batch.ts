import { foreignLibraries } from '../system/foreign-libraries.ts';

// struct mmsghdr, struct iovec and struct cmsghdr (linux/socket.h, linux/uio.h) of 64-bit machines: sizes, and offsets into the first.
const headerSize = 64;
const vectorOffset = 16;
const vectorCountOffset = 24;
const controlOffset = 32;
const controlLengthOffset = 40;
const lengthOffset = 56;
const vectorSize = 16;
const controlHeaderSize = 16;
const controlAlignment = 8;
/** Of the two control messages that may come, this socket's kind is 24 bytes, and another's (`NETLINK_PKTINFO`) is not asked for. */
const controlSize = 64;
const SOL_NETLINK = 270;
/** `NETLINK_LISTEN_ALL_NSID` (linux/netlink.h), as the type of a control message. */
const listenAllNamespaces = 8;

/**
 * Memory for several datagrams, each with the number of the namespace that it is from, allocated once: what recvmmsg(2) takes and fills. All of
 * it is one piece, because its parts point at each other; what no datagram was long enough for is never touched, and takes no memory.
 */
export class DatagramBatch {
  /** How many datagrams there is room for. */
  readonly capacity: number;
  /** What recvmmsg takes. */
  readonly headers: Buffer;
  readonly #controls: Buffer;
  /** The datagrams' own bytes; used again by the next batch. */
  readonly #bytes: readonly Buffer[];

  /**
   * @param capacity how many datagrams
   * @param size largest datagram in bytes that is received whole
   */
  constructor(capacity: number, size: number) {
    this.capacity = capacity;
    const vectors = capacity * headerSize;
    const controls = vectors + capacity * vectorSize;
    const datagrams = controls + capacity * controlSize;
    const memory = Buffer.allocUnsafeSlow(datagrams + capacity * size);
    memory.fill(0, 0, datagrams);
    const address = foreignLibraries().addressOf(memory);
    const pointTo = (target: number, at: number) => memory.writeBigUInt64LE(address + BigInt(target), at);
    for (let number = 0; number < capacity; number++) {
      const header = number * headerSize;
      const vector = vectors + number * vectorSize;
      pointTo(vector, header + vectorOffset);
      memory.writeBigUInt64LE(1n, header + vectorCountOffset);
      pointTo(controls + number * controlSize, header + controlOffset);
      pointTo(datagrams + number * size, vector);
      memory.writeBigUInt64LE(BigInt(size), vector + 8);
    }
    this.headers = memory.subarray(0, vectors);
    this.#controls = memory.subarray(controls, datagrams);
    this.#bytes = Array.from({ length: capacity }, (_, number) =>
      memory.subarray(datagrams + number * size, datagrams + (number + 1) * size),
    );
    this.prepare(capacity);
  }

  /** Makes the memory ready again after so many datagrams: the kernel has put lengths where it was told the room. */
  prepare(used: number): void {
    for (let number = 0; number < used; number++)
      this.headers.writeUInt32LE(controlSize, number * headerSize + controlLengthOffset);
  }

  /** The datagram of a number, from 0. Its content ends at {@link length}. */
  bytes(number: number): Buffer {
    const bytes = this.#bytes[number];
    if (bytes === undefined) throw new RangeError(`a batch of ${this.capacity} has no datagram ${number}`);
    return bytes;
  }

  /** Length of a datagram's content in bytes, as much as there was room for. */
  length(number: number): number {
    const length = this.headers.readUInt32LE(number * headerSize + lengthOffset);
    return Math.min(length, this.bytes(number).length);
  }

  /** Number of the namespace that a datagram is from; undefined when the kernel gave none, as for the socket's own. */
  namespaceId(number: number): number | undefined {
    const controls = this.#controls;
    const first = number * controlSize;
    const end = first + this.headers.readUInt32LE(number * headerSize + controlLengthOffset);
    for (let start = first; start + controlHeaderSize <= end;) {
      const length = controls.readUInt32LE(start);
      if (length < controlHeaderSize) return undefined;
      const isNumber =
        controls.readInt32LE(start + 8) === SOL_NETLINK &&
        controls.readInt32LE(start + 12) === listenAllNamespaces;
      if (isNumber) return controls.readInt32LE(start + controlHeaderSize);
      start += Math.ceil(length / controlAlignment) * controlAlignment;
    }
    return undefined;
  }
}
