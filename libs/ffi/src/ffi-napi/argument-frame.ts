import type { ParameterType } from '../foreign-type.ts';
import type { FfiNapi } from './ffi-napi-bindings.ts';

/** Addresses of buffers that were passed before; asking for one costs more than the call. */
const addresses = new WeakMap<ArrayBufferLike, number>();

/** The memory of one call: a slot of eight bytes for each argument, pointers to them as libffi wants them, and the result. */
export class ArgumentFrame {
  readonly result = Buffer.alloc(8);
  readonly pointers: Buffer;
  readonly #slots: Buffer;
  readonly #parameters: readonly ParameterType[];
  readonly #ffi: FfiNapi;
  /** Strings of the latest call, which nobody else keeps. */
  readonly #strings: Buffer[] = [];

  constructor(ffi: FfiNapi, parameters: readonly ParameterType[]) {
    this.#ffi = ffi;
    this.#parameters = parameters;
    this.#slots = Buffer.alloc(8 * Math.max(parameters.length, 1));
    this.pointers = Buffer.alloc(this.#slots.length);
    const base = BigInt(ffi.ref.address(this.#slots));
    for (let index = 0; index < parameters.length; index++) {
      this.pointers.writeBigUInt64LE(base + 8n * BigInt(index), 8 * index);
    }
  }

  /** @throws TypeError when an argument does not fit its parameter */
  fill(name: string, args: readonly unknown[]): void {
    if (args.length !== this.#parameters.length) {
      throw new TypeError(`${name} takes ${this.#parameters.length} arguments, not ${args.length}`);
    }
    this.#strings.length = 0;
    for (let index = 0; index < args.length; index++) {
      if (!this.#write(this.#parameters[index], args[index], 8 * index)) {
        throw new TypeError(`argument ${index + 1} of ${name} must be of type ${this.#parameters[index]}`);
      }
    }
  }

  #write(type: ParameterType | undefined, value: unknown, offset: number): boolean {
    switch (type) {
      case 'int':
      case 'uint':
        if (typeof value !== 'number') return false;
        this.#slots.writeInt32LE(value | 0, offset);
        return true;
      case 'size':
      case 'ssize':
        if (typeof value !== 'number') return false;
        this.#writeNumber(value, offset);
        return true;
      case 'int64':
      case 'uint64':
      case 'pointer':
        if (typeof value !== 'bigint') return false;
        this.#slots.writeBigUInt64LE(BigInt.asUintN(64, value), offset);
        return true;
      case 'string':
        if (value !== null && typeof value !== 'string') return false;
        this.#writeNumber(value === null ? 0 : this.#stringAddress(value), offset);
        return true;
      case 'buffer':
        if (value !== null && !(value instanceof Uint8Array)) return false;
        this.#writeNumber(value === null ? 0 : this.#bufferAddress(value), offset);
        return true;
      default:
        return false;
    }
  }

  #writeNumber(value: number, offset: number): void {
    this.#slots.writeInt32LE(value | 0, offset);
    this.#slots.writeInt32LE(Math.floor(value / 0x1_0000_0000) | 0, offset + 4);
  }

  #stringAddress(text: string): number {
    const bytes = Buffer.from(`${text}\0`);
    this.#strings.push(bytes);
    return this.#ffi.ref.address(bytes);
  }

  #bufferAddress(bytes: Uint8Array): number {
    const memory = bytes.buffer;
    let base = addresses.get(memory);
    if (base === undefined) {
      base = this.#ffi.ref.address(bytes) - bytes.byteOffset;
      addresses.set(memory, base);
    }
    return base + bytes.byteOffset;
  }
}
