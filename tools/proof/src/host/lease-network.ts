import { DhcpServer } from '@patchbay/lab';
import { addressAdd, addressFlags, linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';

/** The host's link behind which addresses are lent. Whoever wants that makes it a port of a bridge. */
export const leaseLink = 'dhcp0';

/**
 * Starts a DHCP server in a namespace of its own, which is connected with the one that this process is in by {@link leaseLink}. It lends
 * addresses of 10.20.0.0/24 and 2001:db8:20::/64.
 *
 * @returns the caller's to destroy
 */
export async function serveLeases(): Promise<DhcpServer> {
  // Not to be closed: the server's own hold on it would do, but for the moment before it has started.
  const namespace = NetworkNamespace.create();
  using host = RouteSocket.open();
  using servers = RouteSocket.open({ namespace });
  const peer = { name: 'lan0', namespace };
  const { index } = host.createLink({ name: leaseLink, kind: { kind: 'veth', peer } });
  // Addresses that come a moment later would be a change of the host.
  host.execute(linkSet(index, { up: true, ipv6AddressGeneration: 'none' }));
  const linkIndex = servers.linkIndex('lan0') ?? 0;
  servers.execute(
    linkSet(linkIndex, { up: true }),
    addressAdd({ linkIndex, address: '10.20.0.254/24' }),
    addressAdd({ linkIndex, address: '2001:db8:20::254/64', flags: addressFlags.nodad }),
  );
  const ranges = ['10.20.0.100,10.20.0.199,255.255.255.0,2m', '2001:db8:20::100,2001:db8:20::199,64,2m'];
  return DhcpServer.start({ namespace, link: 'lan0', ranges });
}
