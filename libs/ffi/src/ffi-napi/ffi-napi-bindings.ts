/** The parts of the ffi-napi and ref-napi packages that the adapter uses; their own types leave the bindings out. */
export interface FfiNapi {
  /** Prepares a call interface; the buffer must outlive its calls. */
  CIF(result: NativeType, parameters: readonly NativeType[]): Buffer;
  DynamicLibrary(path: string | null): NativeLibrary;
  readonly types: Readonly<Record<string, NativeType>>;
  readonly bindings: {
    ffi_call(cif: Buffer, symbol: Buffer, result: Buffer, args: Buffer): void;
    ffi_call_async(
      cif: Buffer,
      symbol: Buffer,
      result: Buffer,
      args: Buffer,
      done: (error: string | null) => void,
    ): void;
    readonly StaticFunctions: { readonly _errno: Buffer };
  };
  readonly ref: {
    /** Memory addresses fit into 53 bits on every 64-bit Linux. */
    address(bytes: Uint8Array): number;
    /** A view of the memory at the pointer that is stored in `buffer`. */
    readPointer(buffer: Buffer, offset: number, length: number): Buffer;
    /** Length of the zero-terminated string at the pointer is found by itself. */
    readCString(buffer: Buffer, offset: number): string;
  };
}

/** A type object of ref-napi. */
export interface NativeType {
  readonly size: number;
  readonly indirection: number;
}

/** A library opened by dlopen(3). */
export interface NativeLibrary {
  /** A buffer whose address is the symbol's. */
  get(symbol: string): Buffer;
}
