import { align, messageHeaderSize } from './message-header.ts';
import { RequestInvalidError } from './request-invalid-error.ts';

/** `NLA_F_NESTED`: strict parsers want it on attributes that contain attributes. */
const nestedFlag = 0x8000;
/** The kernel refuses sends beyond the socket's send buffer, 208 KiB by default (`net.core.wmem_default`). */
const largestBatch = 192 * 1024;

/** A network namespace to which a request refers; its descriptor must stay open until the kernel has read the request. */
export interface ReferencedNamespace {
  /** Throws when it is closed. */
  readonly fd: number;
  readonly path: string;
  /** Keeps the descriptor open until it is released, even if the namespace is closed meanwhile. */
  hold(): HeldNamespace;
}

/** A namespace's descriptor that stays open until it is released. */
export interface HeldNamespace {
  readonly fd: number;
  readonly path: string;
  /** Repeatable. */
  release(): void;
}

/**
 * Writes netlink messages one after another into memory that is allocated once. Integers are little-endian, which is the byte order of
 * every machine that this library supports.
 */
export class MessageWriter {
  /** Namespaces to which the messages refer. */
  readonly namespaces: ReferencedNamespace[] = [];
  #buffer: Buffer;
  #length = 0;
  #messageStart = 0;

  /** @param capacity bytes to begin with; grows up to 192 KiB */
  constructor(capacity = 4096) {
    this.#buffer = Buffer.alloc(capacity);
  }

  /** The memory that holds {@link length} bytes of messages; replaced when it grows. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
    this.namespaces.length = 0;
  }

  /** Begins a message with the given header; {@link endMessage} ends it. */
  beginMessage(type: number, flags: number, sequence: number): void {
    const start = this.#extend(messageHeaderSize);
    this.#messageStart = start;
    this.#buffer.writeUInt16LE(type, start + 4);
    this.#buffer.writeUInt16LE(flags, start + 6);
    this.#buffer.writeInt32LE(sequence | 0, start + 8);
    this.#buffer.writeInt32LE(0, start + 12);
  }

  endMessage(): void {
    this.#buffer.writeUInt32LE(this.#length - this.#messageStart, this.#messageStart);
  }

  /** Sets bits in the flags of the message that was begun last. */
  addFlags(flags: number): void {
    const offset = this.#messageStart + 6;
    this.#buffer.writeUInt16LE(this.#buffer.readUInt16LE(offset) | flags, offset);
  }

  /**
   * Appends zeroed bytes for a fixed header.
   *
   * @returns where it begins, for {@link setUint8} and its kin
   */
  header(size: number): number {
    return this.#extend(size);
  }

  setUint8(offset: number, value: number, field: string): void {
    this.#buffer[offset] = checked(value, 0xff, field);
  }

  setUint16(offset: number, value: number, field: string): void {
    this.#buffer.writeUInt16LE(checked(value, 0xffff, field), offset);
  }

  setUint32(offset: number, value: number, field: string): void {
    this.#buffer.writeUInt32LE(checked(value, 0xffff_ffff, field), offset);
  }

  uint8(type: number, value: number, field: string): void {
    const start = this.#attribute(type, 1);
    this.#buffer[start] = checked(value, 0xff, field);
  }

  uint16(type: number, value: number, field: string): void {
    const start = this.#attribute(type, 2);
    this.#buffer.writeUInt16LE(checked(value, 0xffff, field), start);
  }

  /** In network byte order. */
  uint16BE(type: number, value: number, field: string): void {
    const start = this.#attribute(type, 2);
    this.#buffer.writeUInt16BE(checked(value, 0xffff, field), start);
  }

  uint32(type: number, value: number, field: string): void {
    const start = this.#attribute(type, 4);
    this.#buffer.writeUInt32LE(checked(value, 0xffff_ffff, field), start);
  }

  int32(type: number, value: number, field: string): void {
    if ((value | 0) !== value) throw new RequestInvalidError(field, value, 'an integer of 32 bits');
    const start = this.#attribute(type, 4);
    this.#buffer.writeInt32LE(value, start);
  }

  flag(type: number): void {
    this.#attribute(type, 0);
  }

  bytes(type: number, value: Uint8Array): void {
    const start = this.#attribute(type, value.length);
    this.#buffer.set(value, start);
  }

  /** Attributes that are encoded already, a multiple of four bytes. */
  raw(attributes: Uint8Array): void {
    const start = this.#extend(attributes.length);
    this.#buffer.set(attributes, start);
  }

  /** Zero-terminated. */
  string(type: number, value: string, longest: number, field: string): void {
    const size = Buffer.byteLength(value);
    if (size > longest || value.includes('\0')) {
      throw new RequestInvalidError(field, value, `at most ${longest} bytes of text without zero bytes`);
    }
    const start = this.#attribute(type, size + 1);
    this.#buffer.write(value, start, 'utf8');
  }

  /** The namespace is recorded, so that it can be held open until the messages have been sent. */
  namespace(type: number, namespace: ReferencedNamespace): void {
    const { fd } = namespace;
    const start = this.#attribute(type, 4);
    this.#buffer.writeInt32LE(fd, start);
    this.namespaces.push(namespace);
  }

  /**
   * Begins an attribute that contains attributes.
   *
   * @returns what {@link endNest} takes
   */
  beginNest(type: number): number {
    return this.#attribute(type | nestedFlag, 0) - 4;
  }

  endNest(start: number): void {
    const size = this.#length - start;
    if (size > 0xffff)
      throw new RequestInvalidError('nested attributes', `${size} bytes`, 'at most 65535 bytes');
    this.#buffer.writeUInt16LE(size, start);
  }

  /** Appends an attribute's header and zeroed value; may replace the buffer, so it is called before the buffer is named. */
  #attribute(type: number, size: number): number {
    if (size > 0xffff - 4) throw new RequestInvalidError('attribute', `${size} bytes`, 'at most 65531 bytes');
    const start = this.#extend(4 + align(size));
    this.#buffer.writeUInt16LE(4 + size, start);
    this.#buffer.writeUInt16LE(type, start + 2);
    return start + 4;
  }

  #extend(size: number): number {
    const start = this.#length;
    const end = start + size;
    if (end > this.#buffer.length) this.#grow(end);
    this.#buffer.fill(0, start, end);
    this.#length = end;
    return start;
  }

  #grow(size: number): void {
    if (size > largestBatch) {
      throw new RequestInvalidError(
        'requests of one call',
        `${size} bytes`,
        `at most ${largestBatch} bytes together`,
      );
    }
    const larger = Buffer.alloc(Math.min(Math.max(size, 2 * this.#buffer.length), largestBatch));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

function checked(value: number, largest: number, field: string): number {
  if (!(Number.isInteger(value) && value >= 0 && value <= largest)) {
    throw new RequestInvalidError(field, value, `an integer from 0 to ${largest}`);
  }
  return value;
}
