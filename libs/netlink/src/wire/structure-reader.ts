import { AttributeReader } from './attribute-reader.ts';
import { MalformedMessageError } from './malformed-message-error.ts';
import { align } from './message-header.ts';

/** Walks over structures that begin with their own length in two bytes and end with attributes, such as `struct rtnexthop`. */
export class StructureReader {
  readonly #buffer: Buffer;
  readonly #end: number;
  readonly #headerSize: number;
  #start = 0;
  #currentEnd = 0;
  #next: number;

  /** @param headerSize bytes before the attributes of each structure */
  constructor(buffer: Buffer, start: number, end: number, headerSize: number) {
    this.#buffer = buffer;
    this.#next = start;
    this.#end = end;
    this.#headerSize = headerSize;
  }

  /**
   * Goes to the next structure.
   *
   * @returns false when there is none
   * @throws MalformedMessageError when its length points outside
   */
  next(): boolean {
    const start = this.#next;
    const left = this.#end - start;
    if (left < this.#headerSize) return false;
    const size = this.#buffer.readUInt16LE(start);
    if (size < this.#headerSize || size > left) {
      throw new MalformedMessageError(`structure of ${size} bytes where ${left} are left`, start);
    }
    this.#start = start;
    this.#currentEnd = start + size;
    this.#next = start + align(size);
    return true;
  }

  /** The byte at an offset into the current structure's header. */
  uint8(offset: number): number {
    return this.#buffer.readUInt8(this.#start + offset);
  }

  int32(offset: number): number {
    return this.#buffer.readInt32LE(this.#start + offset);
  }

  attributes(): AttributeReader {
    return new AttributeReader(this.#buffer, this.#start + this.#headerSize, this.#currentEnd);
  }
}
