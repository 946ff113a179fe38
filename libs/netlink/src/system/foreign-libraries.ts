import { type ForeignLibraries, loadForeignLibraries } from '@patchbay/ffi';

let chosen: ForeignLibraries | undefined;

/**
 * Chooses by which adapter this library calls the kernel; without it, koffi. Call it before anything else of this library.
 *
 * @throws Error when another one is in use already
 */
export function useForeignLibraries(libraries: ForeignLibraries): void {
  if (chosen !== undefined && chosen !== libraries) {
    throw new Error(
      `netlink is using the adapter '${chosen.adapter}' already; choose '${libraries.adapter}' before the first socket or namespace is opened`,
    );
  }
  chosen = libraries;
}

/** The adapter in use; the first call decides. */
export function foreignLibraries(): ForeignLibraries {
  return (chosen ??= loadForeignLibraries());
}
