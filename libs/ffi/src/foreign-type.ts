/**
 * The C types that a foreign function may take or return, for 64-bit Linux:
 *
 * | name              | C                          | JavaScript                                         |
 * | ----------------- | -------------------------- | -------------------------------------------------- |
 * | `int`, `uint`     | `int`, `unsigned int`      | number                                             |
 * | `int64`, `uint64` | `int64_t`, `uint64_t`      | bigint                                             |
 * | `size`, `ssize`   | `size_t`, `ssize_t`        | number; exact up to 2^53                           |
 * | `pointer`         | `void *`                   | bigint; `0n` is NULL                               |
 * | `string`          | `const char *`             | UTF-8 text; null is NULL                           |
 * | `buffer`          | `void *` to caller's bytes | Uint8Array, passed without a copy; null is NULL    |
 * | `void`            | `void`                     | undefined; result only                             |
 */
export type ForeignType = keyof JavaScriptTypes;

/** The JavaScript type of each {@link ForeignType}. */
export interface JavaScriptTypes {
  void: undefined;
  int: number;
  uint: number;
  int64: bigint;
  uint64: bigint;
  size: number;
  ssize: number;
  pointer: bigint;
  string: string | null;
  buffer: Uint8Array | null;
}

/** Types that a function may return. A returned buffer would have no known length: take `pointer` and read its memory. */
export type ResultType = Exclude<ForeignType, 'buffer'>;

/** Types that a function may take. */
export type ParameterType = Exclude<ForeignType, 'void'>;

/** The argument tuple for a list of parameter types. */
export type Arguments<P extends readonly ParameterType[]> = {
  readonly [I in keyof P]: JavaScriptTypes[P[I]];
};
