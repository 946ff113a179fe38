import type { LibraryHandle } from 'koffi';
import { SymbolNotFoundError } from '../ffi-errors.ts';
import type { ForeignFunction, ForeignLibrary, ForeignSignature } from '../foreign-library.ts';
import type { Arguments, ForeignType, JavaScriptTypes, ParameterType, ResultType } from '../foreign-type.ts';
import type { Koffi } from './koffi-libraries.ts';

const koffiTypeNames: Readonly<Record<ForeignType, string>> = {
  void: 'void',
  int: 'int',
  uint: 'uint',
  int64: 'int64_t',
  uint64: 'uint64_t',
  size: 'size_t',
  ssize: 'int64_t',
  pointer: 'void *',
  string: 'str',
  buffer: 'void *',
};

/** A library loaded by koffi. */
export class KoffiLibrary implements ForeignLibrary {
  readonly path: string | null;
  readonly #koffi: Koffi;
  readonly #handle: LibraryHandle;

  constructor(koffi: Koffi, path: string | null, handle: LibraryHandle) {
    this.path = path;
    this.#koffi = koffi;
    this.#handle = handle;
  }

  declare<const P extends readonly ParameterType[], R extends ResultType>(
    signature: ForeignSignature<P, R>,
  ): ForeignFunction<P, R> {
    const { name, parameters, result } = signature;
    try {
      const native = this.#handle.func(
        name,
        koffiTypeNames[result],
        parameters.map((type) => koffiTypeNames[type]),
      );
      return new KoffiFunction<P, R>(this.#koffi, native, signature);
    } catch (cause) {
      throw new SymbolNotFoundError(this.path, name, cause);
    }
  }
}

interface Native {
  (...args: readonly unknown[]): unknown;
  /** The last argument is the callback. */
  async(...args: readonly unknown[]): void;
}

class KoffiFunction<P extends readonly ParameterType[], R extends ResultType> implements ForeignFunction<
  P,
  R
> {
  errno = 0;
  readonly #koffi: Koffi;
  readonly #native: Native;
  readonly #signature: ForeignSignature<P, R>;
  readonly #keepsErrno: boolean;
  readonly #convert: ((raw: unknown) => unknown) | undefined;

  constructor(koffi: Koffi, native: Native, signature: ForeignSignature<P, R>) {
    this.#koffi = koffi;
    this.#native = native;
    this.#signature = signature;
    this.#keepsErrno = signature.errno === true;
    this.#convert = converters[signature.result];
  }

  call(...args: Arguments<P>): JavaScriptTypes[R] {
    this.#check(args);
    const raw: unknown = this.#native(...args);
    if (this.#keepsErrno && (raw === -1 || raw === null)) this.errno = this.#koffi.errno();
    return (this.#convert === undefined ? raw : this.#convert(raw)) as JavaScriptTypes[R];
  }

  async callAsync(...args: Arguments<P>): Promise<JavaScriptTypes[R]> {
    this.#check(args);
    const raw = await new Promise<unknown>((resolve, reject) => {
      this.#native.async(...args, (error: unknown, value: unknown) => {
        // The arguments are named here so that the collector leaves their memory alone until the call has returned.
        if (error === null || args.length < 0) resolve(value);
        else reject(error);
      });
    });
    return (this.#convert === undefined ? raw : this.#convert(raw)) as JavaScriptTypes[R];
  }

  /** koffi takes a number for text or bytes as their address, and reads there. */
  #check(args: readonly unknown[]): void {
    const { name, parameters } = this.#signature;
    if (args.length !== parameters.length) {
      throw new TypeError(`${name} takes ${parameters.length} arguments, not ${args.length}`);
    }
    for (let index = 0; index < args.length; index++) {
      const type = parameters[index];
      if (type !== undefined && !fits(type, args[index])) {
        throw new TypeError(`argument ${index + 1} of ${name} must be of type ${type}`);
      }
    }
  }
}

function fits(type: ParameterType, value: unknown): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string' || value === null;
    case 'buffer':
      return value instanceof Uint8Array || value === null;
    case 'int64':
    case 'uint64':
    case 'pointer':
      return typeof value === 'bigint';
    default:
      return typeof value === 'number';
  }
}

/** koffi returns 64-bit integers as numbers where they fit, and NULL as null. */
const converters: Readonly<Partial<Record<ResultType, (raw: unknown) => unknown>>> = {
  int64: (raw) => BigInt(raw as number | bigint),
  uint64: (raw) => BigInt(raw as number | bigint),
  size: Number,
  ssize: Number,
  pointer: (raw) => (raw === null ? 0n : (raw as bigint)),
};
