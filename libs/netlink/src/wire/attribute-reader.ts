import { MalformedMessageError } from './malformed-message-error.ts';
import { align } from './message-header.ts';

/** `NLA_TYPE_MASK`: the upper two bits of an attribute's type are flags. */
const typeMask = 0x3fff;

/** Walks over netlink attributes (`struct nlattr`, linux/netlink.h) without copying them; {@link next} goes to each in turn. */
export class AttributeReader {
  /** Type of the current attribute, without its flags. */
  type = 0;
  readonly #buffer: Buffer;
  readonly #end: number;
  #next: number;
  #value = 0;
  #length = 0;

  constructor(buffer: Buffer, start: number, end: number) {
    this.#buffer = buffer;
    this.#next = start;
    this.#end = end;
  }

  /** Length of the current attribute's value in bytes. */
  get length(): number {
    return this.#length;
  }

  /**
   * Goes to the next attribute.
   *
   * @returns false when there is none
   * @throws MalformedMessageError when its length points outside
   */
  next(): boolean {
    const start = this.#next;
    // Fewer bytes than a header are padding, as the kernel takes them.
    if (this.#end - start < 4) return false;
    const size = this.#buffer.readUInt16LE(start);
    if (size < 4 || size > this.#end - start) {
      throw new MalformedMessageError(
        `attribute of ${size} bytes where ${this.#end - start} are left`,
        start,
      );
    }
    this.type = this.#buffer.readUInt16LE(start + 2) & typeMask;
    this.#value = start + 4;
    this.#length = size - 4;
    this.#next = start + align(size);
    return true;
  }

  uint8(): number {
    this.#need(1);
    return this.#buffer[this.#value] ?? 0;
  }

  uint16(): number {
    this.#need(2);
    return this.#buffer.readUInt16LE(this.#value);
  }

  uint16BE(): number {
    this.#need(2);
    return this.#buffer.readUInt16BE(this.#value);
  }

  uint32(): number {
    return this.uint32At(0);
  }

  /** The 32-bit word at an offset into the value, for structures. */
  uint32At(offset: number): number {
    this.#need(offset + 4);
    return this.#buffer.readUInt32LE(this.#value + offset);
  }

  int32(): number {
    return this.int32At(0);
  }

  int32At(offset: number): number {
    this.#need(offset + 4);
    return this.#buffer.readInt32LE(this.#value + offset);
  }

  /** Text up to the first zero byte or the end. */
  string(): string {
    const end = this.#value + this.#length;
    const zero = this.#buffer.indexOf(0, this.#value);
    return this.#buffer.toString('utf8', this.#value, zero === -1 || zero > end ? end : zero);
  }

  /** A view of the value, valid only until the buffer is used again. */
  bytes(): Buffer {
    return this.#buffer.subarray(this.#value, this.#value + this.#length);
  }

  hexadecimal(): string {
    return this.#buffer.toString('hex', this.#value, this.#value + this.#length);
  }

  /** All attributes after the current one as they are on the wire, hexadecimal. */
  rest(): string {
    return this.#buffer.toString('hex', this.#next, this.#end);
  }

  /** The value as attributes of its own, after `skip` bytes of a fixed header. */
  nested(skip = 0): AttributeReader {
    this.#need(skip);
    return new AttributeReader(this.#buffer, this.#value + skip, this.#value + this.#length);
  }

  /** Hands the value's place to a reader of another shape. */
  within<T>(read: (buffer: Buffer, start: number, end: number) => T): T {
    return read(this.#buffer, this.#value, this.#value + this.#length);
  }

  #need(size: number): void {
    if (size > this.#length) {
      throw new MalformedMessageError(
        `attribute ${this.type} holds ${this.#length} bytes instead of at least ${size}`,
        this.#value,
      );
    }
  }
}
