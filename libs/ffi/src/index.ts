/**
 * Calls functions of shared libraries, and waits for file descriptors, through one port with two adapters.
 *
 * @packageDocumentation
 */
export type { FdWatch } from './fd-watch.ts';
export { AdapterUnavailableError, LibraryLoadError, SymbolNotFoundError } from './ffi-errors.ts';
export type { AdapterName, ForeignLibraries } from './foreign-libraries.ts';
export type { ForeignFunction, ForeignLibrary, ForeignSignature } from './foreign-library.ts';
export type { Arguments, ForeignType, JavaScriptTypes, ParameterType, ResultType } from './foreign-type.ts';
export { loadForeignLibraries } from './load-foreign-libraries.ts';
