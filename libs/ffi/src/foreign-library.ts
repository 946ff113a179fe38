import type { Arguments, JavaScriptTypes, ParameterType, ResultType } from './foreign-type.ts';

/** A loaded shared library. */
export interface ForeignLibrary {
  /** As it was given to {@link ForeignLibraries.load}. */
  readonly path: string | null;

  /**
   * Looks a function up and prepares calling it. Declare each function once and keep the result.
   *
   * @throws SymbolNotFoundError when the library has no such function, for instance because it is older than the function
   */
  declare<const P extends readonly ParameterType[], R extends ResultType>(
    signature: ForeignSignature<P, R>,
  ): ForeignFunction<P, R>;
}

/** What a C function looks like. Nothing can check it against the library: a wrong signature corrupts memory. */
export interface ForeignSignature<P extends readonly ParameterType[], R extends ResultType> {
  /** Symbol name. */
  readonly name: string;
  readonly parameters: P;
  readonly result: R;
  /** Whether {@link ForeignFunction.errno} is wanted; it costs a second foreign call per failed call with some adapters. Default: false. */
  readonly errno?: boolean;
}

/** A declared C function. */
export interface ForeignFunction<P extends readonly ParameterType[], R extends ResultType> {
  /**
   * errno as the last failed {@link call} of this function left it; 0 before any failure. Only functions declared with `errno: true` have
   * it, and a call has failed when it returned -1 or NULL. Later calls of other functions do not disturb it.
   */
  readonly errno: number;

  /**
   * Calls the function on this thread and waits for it.
   *
   * @throws TypeError when an argument does not fit its parameter type
   */
  call(...args: Arguments<P>): JavaScriptTypes[R];

  /**
   * Calls the function on libuv's thread pool. Buffer arguments are kept alive until it returns, and must not be written meanwhile.
   *
   * {@link errno} stays as it was: several calls may be under way, and ffi-napi cannot read it on the thread that made the call. What needs
   * the reason of a failure repeats the call synchronously.
   *
   * @returns rejected with TypeError when an argument does not fit its parameter type
   */
  callAsync(...args: Arguments<P>): Promise<JavaScriptTypes[R]>;
}
