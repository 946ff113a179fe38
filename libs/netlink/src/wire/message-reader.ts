import { AttributeReader } from './attribute-reader.ts';
import { MalformedMessageError } from './malformed-message-error.ts';
import { align, messageHeaderSize } from './message-header.ts';

/** Walks over the netlink messages of a received datagram without copying them; {@link next} goes to each in turn. */
export class MessageReader {
  type = 0;
  flags = 0;
  sequence = 0;
  /** The received bytes. */
  readonly buffer: Buffer;
  /** Where the current message's content begins, after its header. */
  start = 0;
  /** Where the current message ends. */
  end = 0;
  readonly #length: number;
  #next = 0;

  /** @param length how many bytes of the buffer were received */
  constructor(buffer: Buffer, length: number) {
    this.buffer = buffer;
    this.#length = length;
  }

  /**
   * Goes to the next message.
   *
   * @returns false when there is none
   * @throws MalformedMessageError when its length points outside
   */
  next(): boolean {
    const start = this.#next;
    const left = this.#length - start;
    if (left < messageHeaderSize) return false;
    const size = this.buffer.readUInt32LE(start);
    if (size < messageHeaderSize || size > left) {
      throw new MalformedMessageError(`message of ${size} bytes where ${left} are left`, start);
    }
    this.type = this.buffer.readUInt16LE(start + 4);
    this.flags = this.buffer.readUInt16LE(start + 6);
    this.sequence = this.buffer.readInt32LE(start + 8);
    this.start = start + messageHeaderSize;
    this.end = start + size;
    this.#next = start + align(size);
    return true;
  }

  /**
   * The attributes after a fixed header.
   *
   * @param headerSize bytes of the header, which the message must have
   */
  attributes(headerSize: number): AttributeReader {
    const start = this.start + align(headerSize);
    if (this.start + headerSize > this.end) {
      throw new MalformedMessageError(`message of type ${this.type} is shorter than its header`, this.start);
    }
    return new AttributeReader(this.buffer, Math.min(start, this.end), this.end);
  }
}
