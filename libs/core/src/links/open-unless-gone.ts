import { NamespaceGoneError, NetworkNamespace } from '@patchbay/netlink';

/**
 * Opens a network namespace that may have died meanwhile.
 *
 * @returns the caller's to close; undefined when there is none at the path any more
 * @throws SystemCallError for whatever else goes wrong
 */
export function openUnlessGone(path: string): NetworkNamespace | undefined {
  try {
    return NetworkNamespace.open(path);
  } catch (error) {
    if (error instanceof NamespaceGoneError) return undefined;
    throw error;
  }
}
