import { type Link, linkDelete, NetlinkError, type RouteSocket } from '@patchbay/netlink';

/** Kinds of links that hold on to the one that they are built on. A veth names its other end in the same place. */
const kinds: ReadonlySet<string | undefined> = new Set([
  'ipvlan',
  'ipvtap',
  'macsec',
  'macvlan',
  'macvtap',
  'vlan',
]);

/**
 * Deletes the links that the pod has built on one of the host's. The kernel lets them live in the pod's namespace when the link leaves it, and
 * they would go on sending by it.
 */
export async function removeUppers(pod: RouteSocket, { index }: Link): Promise<void> {
  const uppers = pod
    .links()
    .filter((link) => link.parent === index && link.parentNamespaceId === undefined && kinds.has(link.kind));
  for (const upper of uppers) {
    await pod.executeAsync(linkDelete({ index: upper.index })).catch((error: unknown) => {
      // Gone with another one that it was built on.
      if (!(error instanceof NetlinkError && error.code === 'ENODEV')) throw error;
    });
  }
}
