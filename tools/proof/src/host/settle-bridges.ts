import { linkDelete, linkSet, RouteSocket } from '@patchbay/netlink';

/**
 * Has the bridges of the lab's host network look as after years of use. A bridge takes its address from its ports unless it was given one, and
 * learns from its first port what it can segment; neither is a trace of the driver.
 */
export function settleBridges(): void {
  using socket = RouteSocket.open();
  for (const [number, name] of ['fabric', 'br-blue'].entries()) {
    const bridge = socket.link({ name });
    if (bridge === undefined) throw new Error(`there is no bridge ${name}`);
    socket.execute(linkSet(bridge.index, { address: `02:00:5e:00:53:f${number}` }));
    const port = socket.createLink({
      ...{ name: 'port0', master: bridge.index, up: true, mtu: bridge.mtu },
      kind: { kind: 'veth', peer: { name: 'port1', mtu: bridge.mtu } },
    });
    socket.execute(linkDelete({ index: port.index }));
  }
}
