/** Brings up the loopback link of the network namespace that it runs in: a bare machine has no ip(8) for that. */
import { linkSet, RouteSocket } from '@patchbay/netlink';

using socket = RouteSocket.open();
const loopback = socket.link({ name: 'lo' });
if (loopback === undefined) throw new Error('this network namespace has no loopback link');
socket.execute(linkSet(loopback.index, { up: true }));
