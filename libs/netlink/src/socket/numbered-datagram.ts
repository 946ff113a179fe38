import { foreignLibraries } from '../system/foreign-libraries.ts';

// struct msghdr, struct iovec and struct cmsghdr (linux/socket.h, linux/uio.h) of 64-bit machines: sizes, and offsets into the first.
const headerSize = 56;
const vectorOffset = 16;
const vectorCountOffset = 24;
const controlOffset = 32;
const controlLengthOffset = 40;
const vectorSize = 16;
const controlHeaderSize = 16;
const controlAlignment = 8;
/** Of the two control messages that may come, this socket's kind is 24 bytes, and another's (`NETLINK_PKTINFO`) is not asked for. */
const controlSize = 64;
const SOL_NETLINK = 270;
/** `NETLINK_LISTEN_ALL_NSID` (linux/netlink.h), as the type of a control message. */
const listenAllNamespaces = 8;

/**
 * Memory for one datagram together with the number of the namespace that it is from, allocated once: what recvmsg(2) takes and fills. All of it
 * is one piece, because its parts point at each other.
 */
export class NumberedDatagram {
  /** The datagram's own bytes; used again by the next one. */
  readonly bytes: Buffer;
  readonly #header: Buffer;
  readonly #control: Buffer;

  /** @param size largest datagram in bytes that is received whole */
  constructor(size: number) {
    const memory = Buffer.allocUnsafeSlow(headerSize + vectorSize + controlSize + size);
    const vectorStart = headerSize;
    const controlStart = vectorStart + vectorSize;
    const start = controlStart + controlSize;
    memory.fill(0, 0, start);
    const address = foreignLibraries().addressOf(memory);
    memory.writeBigUInt64LE(address + BigInt(vectorStart), vectorOffset);
    memory.writeBigUInt64LE(1n, vectorCountOffset);
    memory.writeBigUInt64LE(address + BigInt(controlStart), controlOffset);
    memory.writeBigUInt64LE(address + BigInt(start), vectorStart);
    memory.writeBigUInt64LE(BigInt(size), vectorStart + 8);
    this.#header = memory.subarray(0, headerSize);
    this.#control = memory.subarray(controlStart, start);
    this.bytes = memory.subarray(start);
  }

  /** Makes the memory ready for the next datagram, and returns what recvmsg takes. */
  prepare(): Buffer {
    // The kernel has put the length there that it used.
    this.#header.writeUInt32LE(controlSize, controlLengthOffset);
    return this.#header;
  }

  /** Number of the namespace that the datagram received last is from; undefined when the kernel gave none, as for the socket's own. */
  get namespaceId(): number | undefined {
    const control = this.#control;
    const end = this.#header.readUInt32LE(controlLengthOffset);
    for (let start = 0; start + controlHeaderSize <= end;) {
      const length = control.readUInt32LE(start);
      if (length < controlHeaderSize) return undefined;
      const isNumber =
        control.readInt32LE(start + 8) === SOL_NETLINK &&
        control.readInt32LE(start + 12) === listenAllNamespaces;
      if (isNumber) return control.readInt32LE(start + controlHeaderSize);
      start += Math.ceil(length / controlAlignment) * controlAlignment;
    }
    return undefined;
  }
}
