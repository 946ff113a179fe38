import {
  linkSet,
  neighbourReplace,
  neighbourStates,
  type NetworkNamespace,
  NetlinkError,
  RouteSocket,
} from '@patchbay/netlink';
import { openUnlessGone } from '../links/open-unless-gone.ts';

/**
 * Has the kernel tell the neighbours of a link in a pod where its addresses are, as it did when the link came up. For links that had no carrier
 * then. A link, a namespace that is gone, or a link that takes no hardware address is no error.
 */
export async function announceAddresses(
  networkNamespacePath: string,
  linkIndex: number,
  openSocket = (namespace: NetworkNamespace) => RouteSocket.open({ namespace }),
): Promise<void> {
  using namespace = openUnlessGone(networkNamespacePath);
  if (namespace === undefined) return;
  using socket = openSocket(namespace);
  const address = (await socket.linkAsync({ index: linkIndex }))?.address;
  if (address === undefined) return;
  // The kernel forgets them with the hardware address.
  const neighbours = socket
    .neighbours({ linkIndex })
    .filter(({ state }) => state === neighbourStates.permanent);
  try {
    // A hardware address, also the one that it has, makes the kernel announce (NETDEV_CHANGEADDR in net/ipv4/devinet.c and net/ipv6/ndisc.c).
    await socket.executeAsync(linkSet(linkIndex, { address }), ...neighbours.map(neighbourReplace));
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
  }
}
