import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { namespaceIdentity } from '@patchbay/netlink';

/** Where runtimes and `ip netns` pin network namespaces. */
const pinned = '/run/netns';

/**
 * A path of a namespace that lasts as long as the namespace. Runtimes sometimes name one by a process (`/proc/<pid>/ns/net`), whose path
 * is gone, or another's, once the process has ended.
 *
 * @returns the same namespace's path under /run/netns if it is pinned there, else the path as it is
 */
export function durableNamespacePath(path: string): string {
  if (!path.startsWith('/proc/')) return path;
  const identity = namespaceIdentity(path);
  if (identity === undefined) return path;
  return pinnedPaths().find((candidate) => namespaceIdentity(candidate) === identity) ?? path;
}

function pinnedPaths(): string[] {
  try {
    return readdirSync(pinned).map((name) => join(pinned, name));
  } catch {
    // No runtime has pinned a namespace there.
    return [];
  }
}
