import { loadFfiNapiLibraries } from './ffi-napi/ffi-napi-libraries.ts';
import type { AdapterName, ForeignLibraries } from './foreign-libraries.ts';
import { loadKoffiLibraries } from './koffi/koffi-libraries.ts';

const loaded = new Map<AdapterName, ForeignLibraries>();

/**
 * Loads an adapter; the second call returns the first one's result. Neither is touched before it is asked for.
 *
 * @param adapter `koffi` (default: prebuilt, fast, works in worker threads) or `ffi-napi` (compiled at installation, main thread only)
 * @throws AdapterUnavailableError when it is not installed, was not compiled, or does not work on this thread
 */
export function loadForeignLibraries(adapter: AdapterName = 'koffi'): ForeignLibraries {
  let libraries = loaded.get(adapter);
  if (libraries === undefined) {
    libraries = adapter === 'koffi' ? loadKoffiLibraries() : loadFfiNapiLibraries();
    loaded.set(adapter, libraries);
  }
  return libraries;
}
