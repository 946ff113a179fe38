import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import type { FdWatch } from '../fd-watch.ts';
import { AdapterUnavailableError, LibraryLoadError } from '../ffi-errors.ts';
import type { ForeignLibraries } from '../foreign-libraries.ts';
import type { ForeignLibrary } from '../foreign-library.ts';
import { EpollThread } from './epoll-thread.ts';
import type { FfiNapi } from './ffi-napi-bindings.ts';
import { FfiNapiLibrary } from './ffi-napi-library.ts';

/**
 * Loads ffi-napi.
 *
 * @throws AdapterUnavailableError when the package is not installed, could not be compiled, or this is a worker thread
 */
export function loadFfiNapiLibraries(): ForeignLibraries {
  if (!isMainThread) {
    throw new AdapterUnavailableError(
      'ffi-napi',
      "it crashes in worker threads; use it on the main thread only, or use the adapter 'koffi'",
    );
  }
  try {
    const require = createRequire(import.meta.url);
    const { CIF, DynamicLibrary, types } = require('ffi-napi') as Pick<
      FfiNapi,
      'CIF' | 'DynamicLibrary' | 'types'
    >;
    // What the package offers above these allocates two buffers and a view for each argument of each call.
    const bindings = require('ffi-napi/lib/bindings') as FfiNapi['bindings'];
    const ref = createRequire(require.resolve('ffi-napi'))('@2060.io/ref-napi') as FfiNapi['ref'];
    return new FfiNapiLibraries({ CIF, DynamicLibrary, types, bindings, ref });
  } catch (cause) {
    throw new AdapterUnavailableError(
      'ffi-napi',
      "it has no prebuilt binaries: install python3, make, a C++ compiler and the Node.js headers, then run 'npm install ffi-napi@npm:@2060.io/ffi-napi@4.0.9'",
      cause,
    );
  }
}

class FfiNapiLibraries implements ForeignLibraries {
  readonly adapter = 'ffi-napi';
  readonly #ffi: FfiNapi;
  #epoll: EpollThread | undefined;

  constructor(ffi: FfiNapi) {
    this.#ffi = ffi;
  }

  load(path: string | null): ForeignLibrary {
    try {
      return new FfiNapiLibrary(this.#ffi, path, this.#ffi.DynamicLibrary(path));
    } catch (cause) {
      throw new LibraryLoadError(path, cause);
    }
  }

  poll(fd: number, onReadable: () => void): FdWatch {
    this.#epoll ??= new EpollThread(this.load(null));
    return this.#epoll.watch(fd, onReadable);
  }

  readMemory(pointer: bigint, length: number): Buffer {
    const address = Buffer.alloc(8);
    address.writeBigUInt64LE(pointer);
    return Buffer.from(this.#ffi.ref.readPointer(address, 0, length));
  }

  addressOf(bytes: Uint8Array): bigint {
    return BigInt(this.#ffi.ref.address(bytes));
  }
}
