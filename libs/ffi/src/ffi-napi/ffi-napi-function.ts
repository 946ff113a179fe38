import type { ForeignFunction, ForeignSignature } from '../foreign-library.ts';
import type { Arguments, JavaScriptTypes, ParameterType, ResultType } from '../foreign-type.ts';
import { ArgumentFrame } from './argument-frame.ts';
import type { FfiNapi } from './ffi-napi-bindings.ts';

/** A function called by libffi. Synchronous calls share one preallocated frame, so that a call allocates nothing that it could leak. */
export class FfiNapiFunction<
  P extends readonly ParameterType[],
  R extends ResultType,
> implements ForeignFunction<P, R> {
  errno = 0;
  readonly #ffi: FfiNapi;
  readonly #symbol: Buffer;
  readonly #cif: Buffer;
  readonly #signature: ForeignSignature<P, R>;
  readonly #frame: ArgumentFrame;
  readonly #readErrno: (() => number) | undefined;

  constructor(ffi: FfiNapi, symbol: Buffer, cif: Buffer, signature: ForeignSignature<P, R>) {
    this.#ffi = ffi;
    this.#symbol = symbol;
    this.#cif = cif;
    this.#signature = signature;
    this.#frame = new ArgumentFrame(ffi, signature.parameters);
    this.#readErrno = signature.errno === true ? errnoReader(ffi) : undefined;
  }

  call(...args: Arguments<P>): JavaScriptTypes[R] {
    const frame = this.#frame;
    frame.fill(this.#signature.name, args);
    this.#ffi.bindings.ffi_call(this.#cif, this.#symbol, frame.result, frame.pointers);
    if (this.#readErrno !== undefined && this.#failed(frame.result)) this.errno = this.#readErrno();
    return this.#value(frame.result);
  }

  async callAsync(...args: Arguments<P>): Promise<JavaScriptTypes[R]> {
    const frame = new ArgumentFrame(this.#ffi, this.#signature.parameters);
    frame.fill(this.#signature.name, args);
    await new Promise<void>((resolve, reject) => {
      this.#ffi.bindings.ffi_call_async(this.#cif, this.#symbol, frame.result, frame.pointers, (error) => {
        // The arguments are named here so that the collector leaves their memory alone until the call has returned.
        // What throws in ffi-napi's own callback, or in a promise that it settles, ends the process without a word.
        if (error === null || args.length < 0) setImmediate(resolve);
        else reject(new Error(`calling ${this.#signature.name} failed: ${error}`));
      });
    });
    return this.#value(frame.result);
  }

  #failed(result: Buffer): boolean {
    switch (this.#signature.result) {
      case 'int':
        return result.readInt32LE(0) === -1;
      case 'int64':
      case 'ssize':
        return result.readInt32LE(0) === -1 && result.readInt32LE(4) === -1;
      case 'pointer':
      case 'string':
        return result.readBigUInt64LE(0) === 0n;
      default:
        return false;
    }
  }

  #value(result: Buffer): JavaScriptTypes[R] {
    return readResult(this.#ffi, this.#signature.result, result) as JavaScriptTypes[R];
  }
}

function readResult(ffi: FfiNapi, type: ResultType, result: Buffer): JavaScriptTypes[ResultType] {
  switch (type) {
    case 'void':
      return undefined;
    case 'int':
      return result.readInt32LE(0);
    case 'uint':
      return result.readUInt32LE(0);
    case 'int64':
      return result.readBigInt64LE(0);
    case 'size':
      return result.readUInt32LE(0) + result.readUInt32LE(4) * 0x1_0000_0000;
    case 'ssize':
      return result.readUInt32LE(0) + result.readInt32LE(4) * 0x1_0000_0000;
    case 'uint64':
    case 'pointer':
      return result.readBigUInt64LE(0);
    case 'string':
      if (result.readBigUInt64LE(0) === 0n) return null;
      return ffi.ref.readCString(ffi.ref.readPointer(result, 0, 0), 0);
  }
}

let sharedErrnoReader: (() => number) | undefined;

function errnoReader(ffi: FfiNapi): () => number {
  if (sharedErrnoReader === undefined) {
    const { int } = ffi.types;
    if (int === undefined) throw new TypeError("ffi-napi has no type for 'int'");
    const cif = ffi.CIF(int, []);
    const result = Buffer.alloc(8);
    const noArguments = Buffer.alloc(8);
    sharedErrnoReader = () => {
      ffi.bindings.ffi_call(cif, ffi.bindings.StaticFunctions._errno, result, noArguments);
      return result.readInt32LE(0);
    };
  }
  return sharedErrnoReader;
}
