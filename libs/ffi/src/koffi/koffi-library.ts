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
  readonly #keepsErrno: boolean;
  readonly #convert: ((raw: unknown) => unknown) | undefined;

  constructor(koffi: Koffi, native: Native, { result, errno = false }: ForeignSignature<P, R>) {
    this.#koffi = koffi;
    this.#native = native;
    this.#keepsErrno = errno;
    this.#convert = converters[result];
  }

  call(...args: Arguments<P>): JavaScriptTypes[R] {
    const raw: unknown = this.#native(...args);
    if (this.#keepsErrno && (raw === -1 || raw === null)) this.errno = this.#koffi.errno();
    return (this.#convert === undefined ? raw : this.#convert(raw)) as JavaScriptTypes[R];
  }

  async callAsync(...args: Arguments<P>): Promise<JavaScriptTypes[R]> {
    const raw = await new Promise<unknown>((resolve, reject) => {
      this.#native.async(...args, (error: unknown, value: unknown) => {
        // The arguments are named here so that the collector leaves their memory alone until the call has returned.
        if (error === null || args.length < 0) resolve(value);
        else reject(error);
      });
    });
    return (this.#convert === undefined ? raw : this.#convert(raw)) as JavaScriptTypes[R];
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
