import { NetlinkError } from '../../socket/netlink-error.ts';
import type { RouteSocket } from '../route-socket.ts';
import type { Link } from './link.ts';
import type { LinkCreation } from './link-creation.ts';
import { linkSet } from './link-requests.ts';

const enodev = 19;

/** Finds what the kernel did not echo (links in other namespaces, and all before Linux 6.2), and sets what it ignores at creation. */
export function completeLink(
  socket: Pick<RouteSocket, 'link' | 'execute'>,
  { spec: { alias }, link: echoed, selector }: LinkCreation,
): Link {
  const link = echoed ?? (selector === undefined ? undefined : socket.link(selector));
  if (link === undefined) throw vanished(selector === undefined);
  if (alias === undefined) return link;
  socket.execute(linkSet(link.index, { alias }));
  return { ...link, alias };
}

/** A link that was created is not to be found. */
export function vanished(isNameless: boolean): NetlinkError {
  const reason = isNameless ? 'give it a name: this kernel does not tell which one it chose' : 'it is gone';
  return new NetlinkError('link add', enodev, `the link was created and cannot be found: ${reason}`);
}
