import type { Link, Route } from '@patchbay/netlink';
import { describe, expect, it } from 'vitest';
import { nodeWiring } from './node-wiring.ts';

function link(index: number, name: string, more: Partial<Link> = {}): Link {
  return {
    index,
    name,
    altnames: [],
    mtu: 1500,
    flags: 0,
    up: true,
    carrier: true,
    operState: 'up',
    encapsulation: 'ether',
    ...more,
  };
}

function route(destination: string, more: Partial<Route>): Route {
  return {
    destination,
    family: 4,
    table: 254,
    scope: 'global',
    protocol: 3,
    type: 'unicast',
    flags: 0,
    ...more,
  } as Route;
}

/** Names of the links that are the node's own, with the reason. */
function wiring(links: readonly Link[], routes: readonly Route[] = []): Record<string, string> {
  const reasons = nodeWiring(links, routes);
  return Object.fromEntries(
    links.flatMap(({ index, name }) => (reasons.has(index) ? [[name, reasons.get(index) ?? '']] : [])),
  );
}

describe('nodeWiring', () => {
  it('leaves ordinary links to the backends', () => {
    expect(
      wiring([
        link(2, 'eth1'),
        link(3, 'veth0', { kind: 'veth', parent: 4 }),
        link(4, 'veth1', { kind: 'veth', parent: 3 }),
      ]),
    ).toEqual({});
  });

  it('keeps the loopback, links that connect others, their ports, and links of CNI plugins', () => {
    expect(
      wiring([
        link(1, 'lo', { encapsulation: 'loopback' }),
        link(2, 'br0', { kind: 'bridge' }),
        link(3, 'eth1', { master: 2 }),
        link(4, 'bond0', { kind: 'bond' }),
        link(5, 'eth2', { master: 4 }),
        link(6, 'cali1234', { kind: 'veth' }),
        link(7, 'flannel.1', { kind: 'vxlan' }),
        link(8, 'veth9', { kind: 'veth', parent: 2, parentNamespaceId: 0 }),
      ]),
    ).toEqual({
      lo: 'is the loopback interface',
      br0: 'is a bridge',
      eth1: 'is a port of bridge br0',
      bond0: 'is a bond',
      eth2: 'is a port of bond bond0',
      cali1234: 'belongs to a CNI plugin',
      'flannel.1': 'belongs to a CNI plugin',
      veth9: "is the host's end of a pod's link",
    });
  });

  it('keeps what is told by other means than a name', () => {
    expect(
      wiring([
        link(2, 'eth0', { physicalSwitchId: 'ab12', physicalPortName: 'p0' }),
        link(3, 'eth1', { physicalSwitchId: 'ab12', physicalPortName: 'pf0vf3' }),
        link(4, 'vethA', { kind: 'veth', parent: 5 }),
        link(5, 'vethB', { kind: 'veth', parent: 4, altnames: ['cilium_net'] }),
        link(6, 'wlan0', { namespaceImmutable: true }),
        link(7, 'tunl0', { kind: 'ipip' }),
        link(8, 'eth2'),
        link(9, 'eth2.5', { kind: 'vlan', parent: 8 }),
        link(10, 'eth3'),
        link(11, 'vxlan.calico', { kind: 'vxlan', data: { kind: 'vxlan', id: 1, link: 10 } }),
        link(12, 'eth4', { master: 99, slaveKind: 'bond' }),
      ]),
    ).toEqual({
      eth1: "is the switch's port pf0vf3 of a function of its card",
      vethA: 'is the other end of vethB, which belongs to a CNI plugin',
      vethB: 'belongs to a CNI plugin',
      wlan0: 'cannot leave its network namespace',
      tunl0: 'cannot leave its network namespace',
      eth2: 'carries eth2.5',
      eth3: 'carries vxlan.calico, which belongs to a CNI plugin',
      'vxlan.calico': 'belongs to a CNI plugin',
      eth4: 'is a port of bond number 99',
    });
  });

  it('keeps what the configuration reserves, and what carries it', () => {
    const links = [
      link(2, 'eth0'),
      link(3, 'eth1', { master: 4 }),
      link(4, 'bond0', { kind: 'bond' }),
      link(5, 'bond0.9', { kind: 'vlan', parent: 4 }),
    ];
    const reasons = nodeWiring(links, [], ({ name }) => name === 'eth0' || name === 'bond0.9');
    expect([...reasons.keys()].sort()).toEqual([2, 3, 4, 5]);
    expect(reasons.get(2)).toBe('is reserved by the configuration (devices.reserved)');
  });

  it("keeps the default route's link and all that carries it: a VLAN on a bond of two cards", () => {
    const links = [
      link(2, 'eth0', { master: 4 }),
      link(3, 'eth1', { master: 4 }),
      link(4, 'bond0', { kind: 'bond' }),
      link(5, 'bond0.7', { kind: 'vlan', parent: 4 }),
      link(6, 'eth2'),
    ];
    expect(Object.keys(wiring(links, [route('0.0.0.0/0', { linkIndex: 5 })]))).toEqual([
      'eth0',
      'eth1',
      'bond0',
      'bond0.7',
    ]);
  });

  it('takes a default route of either family, in any table, and over several links', () => {
    const links = [link(2, 'eth0'), link(3, 'eth1'), link(4, 'eth2'), link(5, 'eth3')];
    const nexthops = [3, 4].map((linkIndex) => ({ linkIndex, weight: 1 }));
    expect(
      Object.keys(
        wiring(links, [
          route('::/0', { linkIndex: 2, family: 6 as const }),
          route('0.0.0.0/0', { nexthops, table: 100 }),
          route('10.0.0.0/8', { linkIndex: 5 }),
        ]),
      ),
    ).toEqual(['eth0', 'eth1', 'eth2']);
  });

  it('decides anew when the default route has moved', () => {
    const links = [link(2, 'eth0'), link(3, 'eth1')];
    expect(Object.keys(wiring(links, [route('0.0.0.0/0', { linkIndex: 2 })]))).toEqual(['eth0']);
    expect(Object.keys(wiring(links, [route('0.0.0.0/0', { linkIndex: 3 })]))).toEqual(['eth1']);
  });

  it('ends on links that are built on each other in a circle', () => {
    const links = [
      link(2, 'veth0', { kind: 'veth', parent: 3 }),
      link(3, 'veth1', { kind: 'veth', parent: 2 }),
    ];
    expect(Object.keys(wiring(links, [route('0.0.0.0/0', { linkIndex: 2 })]))).toEqual(['veth0', 'veth1']);
  });
});
