import { HostLinks } from '@patchbay/core';
import { linkSet, RouteSocket } from '@patchbay/netlink';
import { withNamespaces } from '@patchbay/netlink/testing';
import { expect, it, vi } from 'vitest';
import { MacvlanDiscovery } from './macvlan-discovery.ts';

it('hears of a parent that is the end of a pair, as the uplink of a node that is a container', () =>
  withNamespaces(async ([node, machine]) => {
    using socket = RouteSocket.open({ namespace: node });
    const peer = { name: 'port0', namespace: machine };
    const { index } = socket.createLink({ name: 'eth0', kind: { kind: 'veth', peer } });
    socket.execute(linkSet(index, { up: true }));
    const parents = [{ link: 'eth0', mode: 'bridge', devices: 2 }] as const;
    const discovery = new MacvlanDiscovery(new HostLinks(socket), { parents: [...parents] });
    const stopping = new AbortController();
    const onChange = vi.fn();
    node.run(() => discovery.watch(onChange, stopping.signal));
    try {
      expect(await discovery.list()).toMatchObject([{ name: 'eth0', carrier: false }]);
      using outside = RouteSocket.open({ namespace: machine });
      outside.execute(linkSet(outside.link({ name: 'port0' })!.index, { up: true }));
      await vi.waitFor(() => expect(onChange).toHaveBeenCalledOnce());
      expect(await discovery.list()).toMatchObject([{ name: 'eth0', carrier: true }]);
    } finally {
      stopping.abort();
    }
  }));
