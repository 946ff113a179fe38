import { statSync } from 'node:fs';

/** Which namespace it is, whatever path leads to it: `<device>:<inode>`. The kernel may give a dead namespace's inode to a new one. */
export type NamespaceIdentity = string & { readonly brand: 'NamespaceIdentity' };

let namespaceDevice: bigint | undefined;

/**
 * Identifies the namespace at a path without opening it.
 *
 * @returns undefined when there is none, for instance because what was mounted there has gone
 */
export function namespaceIdentity(path: string): NamespaceIdentity | undefined {
  namespaceDevice ??= statSync('/proc/self/ns/net', { bigint: true }).dev;
  let file;
  try {
    file = statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
  // All namespaces are inodes of one file system.
  return file?.dev === namespaceDevice ? identityOf(file) : undefined;
}

/** The identity of an opened namespace's inode. */
export function identityOf(file: { readonly dev: bigint; readonly ino: bigint }): NamespaceIdentity {
  return `${file.dev}:${file.ino}` as NamespaceIdentity;
}
