/** What the node's own wiring is where it is made of kinds of links that not every kernel has. */
import { execFileSync } from 'node:child_process';
import { addressAdd, type LinkData, linkDelete, linkSet, routeAdd, routeDelete } from '@patchbay/netlink';
import { afterEach, beforeEach, it } from 'vitest';
import { LiveHost } from './testing/live-host.ts';

execFileSync('modprobe', ['-a', 'dummy', 'bonding', '8021q', 'vxlan', 'vrf']);

let live: LiveHost;
beforeEach(async () => {
  live = await LiveHost.open('w-*');
});
afterEach(() => live.close());

function make(name: string, kind: LinkData, parent?: number): number {
  return live.socket.createLink({ name, kind, up: true, ...(parent === undefined ? {} : { parent }) }).index;
}
const card = (name: string) => make(name, { kind: 'dummy' });

it('a VLAN on a bond of two cards with the default route keeps all of them, until it has moved', async () => {
  const { socket } = live;
  const [a, b, c] = [card('w-a'), card('w-b'), card('w-c')];
  const bond = make('w-bond', { kind: 'raw', type: 'bond' });
  await live.publishes('w-a', 'w-b', 'w-c');
  for (const index of [a, b]) {
    socket.execute(linkSet(index, { up: false }), linkSet(index, { master: bond }));
  }
  // Members of a bond, and the bond itself.
  await live.publishes('w-c');
  const vlan = make('w-bond.7', { kind: 'vlan', id: 7 }, bond);
  await live.publishes('w-bond.7', 'w-c');
  const route = { destination: '0.0.0.0/0', table: 77 };
  socket.execute(routeAdd({ ...route, linkIndex: vlan }));
  await live.publishes('w-c');
  socket.execute(routeDelete({ ...route, linkIndex: vlan }), routeAdd({ ...route, linkIndex: c }));
  await live.publishes('w-bond.7');
  socket.execute(linkSet(a, { master: 0 }), linkDelete({ index: vlan }));
  await live.publishes('w-a');
});

it('a card that a VLAN is put on is kept while it is there, and so is what a VXLAN of a CNI plugin sends by', async () => {
  const { socket } = live;
  const [a, b] = [card('w-a'), card('w-b')];
  await live.publishes('w-a', 'w-b');
  const vlan = make('w-a.9', { kind: 'vlan', id: 9 }, a);
  await live.publishes('w-a.9', 'w-b');
  socket.execute(linkDelete({ index: vlan }), addressAdd({ linkIndex: b, address: '192.0.2.1/24' }));
  await live.publishes('w-a', 'w-b');
  make('flannel.1', { kind: 'vxlan', id: 1, link: b, local: '192.0.2.1', port: 8472 });
  await live.publishes('w-a');
});

it('a port of a VRF is kept', async () => {
  const a = card('w-a');
  await live.publishes('w-a');
  const vrf = make('w-vrf', { kind: 'vrf', table: 50 });
  live.socket.execute(linkSet(a, { master: vrf }));
  await live.publishes();
});
