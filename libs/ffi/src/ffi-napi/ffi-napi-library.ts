import { SymbolNotFoundError } from '../ffi-errors.ts';
import type { ForeignFunction, ForeignLibrary, ForeignSignature } from '../foreign-library.ts';
import type { ForeignType, ParameterType, ResultType } from '../foreign-type.ts';
import type { FfiNapi, NativeLibrary } from './ffi-napi-bindings.ts';
import { FfiNapiFunction } from './ffi-napi-function.ts';

/** Names of ref-napi's types; all pointers are passed as the integers that their registers hold. */
const nativeTypeNames: Readonly<Record<ForeignType, string>> = {
  void: 'void',
  int: 'int',
  uint: 'uint',
  int64: 'int64',
  uint64: 'uint64',
  size: 'uint64',
  ssize: 'int64',
  pointer: 'uint64',
  string: 'uint64',
  buffer: 'uint64',
};

/** A library loaded by ffi-napi. */
export class FfiNapiLibrary implements ForeignLibrary {
  readonly path: string | null;
  readonly #ffi: FfiNapi;
  readonly #library: NativeLibrary;

  constructor(ffi: FfiNapi, path: string | null, library: NativeLibrary) {
    this.path = path;
    this.#ffi = ffi;
    this.#library = library;
  }

  declare<const P extends readonly ParameterType[], R extends ResultType>(
    signature: ForeignSignature<P, R>,
  ): ForeignFunction<P, R> {
    let symbol: Buffer;
    try {
      symbol = this.#library.get(signature.name);
    } catch (cause) {
      throw new SymbolNotFoundError(this.path, signature.name, cause);
    }
    const type = (name: ForeignType) => {
      const native = this.#ffi.types[nativeTypeNames[name]];
      if (native === undefined) throw new TypeError(`ffi-napi has no type for '${name}'`);
      return native;
    };
    const cif = this.#ffi.CIF(type(signature.result), signature.parameters.map(type));
    return new FfiNapiFunction(this.#ffi, symbol, cif, signature);
  }
}
