import { execFileSync } from 'node:child_process';
import { EthtoolSocket, linkDelete, neighbourStates, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { withNamespaces } from '@patchbay/netlink/testing';
import { describe, expect, it } from 'vitest';
import { InterfaceChecks } from './interface-checks.ts';
import { InterfaceConfigurator } from './interface-configurator.ts';
import type { InterfaceSetup } from './interface-setup.ts';

execFileSync('modprobe', ['-a', 'dummy', 'ipvlan', 'igb', 'vrf']);

const configurator = new InterfaceConfigurator();
const setup = (name: string, more: Partial<InterfaceSetup>): InterfaceSetup => ({
  name,
  addresses: [],
  routes: [],
  ...more,
});

describe('a VRF in a pod', () => {
  const vrf = { name: 'red', table: 10 };

  it('is made for the first interface that is in it and goes with the last', () =>
    withNamespaces(async ([namespace]) => {
      using socket = RouteSocket.open({ namespace });
      const pod = { namespace, socket };
      const links = ['net1', 'net2'].map((name) => socket.createLink({ name, kind: { kind: 'dummy' } }));
      const setups = links.map(({ name }, index) =>
        setup(name, {
          vrf,
          addresses: ['192.0.2.10/24', `2001:db8:${index + 1}::10/64`],
          routes: [
            { destination: `10.${index}.0.0/16`, gateway: '192.0.2.1', table: 10 },
            ...(index === 0 ? [{ destination: '0.0.0.0/0', gateway: '192.0.2.1', table: 10 }] : []),
          ],
        }),
      );
      for (const [index, link] of links.entries()) {
        await configurator.configure(pod, link, setups[index]!);
        await configurator.complete(pod, socket.link({ name: link.name })!, setups[index]!);
      }
      const red = socket.link({ name: 'red' })!;
      expect(red).toMatchObject({ up: true, data: { kind: 'vrf', table: 10 } });
      expect(socket.links().filter(({ master }) => master === red.index)).toHaveLength(2);
      const routes = socket.routes({ table: 10, family: 4 }).filter(({ type }) => type === 'unicast');
      expect(routes.map(({ destination, linkIndex }) => [destination, linkIndex])).toEqual(
        expect.arrayContaining([
          ['192.0.2.0/24', links[0]?.index],
          ['192.0.2.0/24', links[1]?.index],
          ['0.0.0.0/0', links[0]?.index],
          ['10.0.0.0/16', links[0]?.index],
          ['10.1.0.0/16', links[1]?.index],
        ]),
      );
      expect(socket.routes({ table: 254, family: 4 })).toEqual([]);
      const ends = socket.routes({ table: 10 }).filter(({ type }) => type === 'unreachable');
      expect(ends.map(({ destination }) => destination)).toEqual(['0.0.0.0/0', '::/0']);
      for (const [index, { name }] of links.entries()) {
        expect(socket.link({ name: 'red' })).toBeDefined();
        socket.execute(linkDelete({ name }));
        configurator.withdraw(socket, setups[index]!);
      }
      expect(socket.links().map(({ name }) => name)).toEqual(['lo']);
      expect(socket.routes({ table: 10 })).toEqual([]);
    }));

  it('is not what another link of its name is, and not taken away when somebody else made it', () =>
    withNamespaces(async ([namespace]) => {
      using socket = RouteSocket.open({ namespace });
      const link = socket.createLink({ name: 'net1', kind: { kind: 'dummy' } });
      socket.createLink({ name: 'blue', kind: { kind: 'vrf', table: 20 } });
      const configure = (name: string, table: number) =>
        configurator.configure({ namespace, socket }, link, setup('net1', { vrf: { name, table } }));
      socket.createLink({ name: 'red', kind: { kind: 'dummy' } });
      await expect(configure('red', 10)).rejects.toThrow(
        "VRF 'red' with table 10 is wanted, and the pod's interface 'red' is no VRF (dummy)",
      );
      await expect(configure('blue', 10)).rejects.toThrow("'blue' is a VRF with table 20");
      await configure('blue', 20);
      socket.execute(linkDelete({ name: 'net1' }));
      configurator.withdraw(socket, setup('net1', { vrf: { name: 'blue', table: 20 } }));
      expect(socket.link({ name: 'blue' })?.up).toBe(true);
    }));
});

describe('a link that takes no hardware address', () => {
  it('has all of its setup, though its addresses are not announced', () =>
    withNamespaces(async ([namespace]) => {
      using socket = RouteSocket.open({ namespace });
      const parent = socket.createLink({ name: 'card', kind: { kind: 'dummy' }, up: true });
      const link = socket.createLink({
        ...{ name: 'net1', parent: parent.index, kind: { kind: 'ipvlan', mode: 'l2' } },
      });
      const neighbour = { address: '2001:db8::1', hardwareAddress: '02:00:00:00:00:01' };
      await configurator.configure(
        { namespace, socket },
        link,
        setup('net1', { addresses: ['2001:db8::10/64'], neighbours: [neighbour] }),
      );
      expect(socket.neighbours({ linkIndex: link.index, family: 6 })).toContainEqual(
        expect.objectContaining({ address: '2001:db8::1', state: neighbourStates.permanent }),
      );
    }));
});

describe('a network card', () => {
  it('has its private flags switched, and those that it has not are refused before', async () => {
    using namespace = NetworkNamespace.own();
    using socket = RouteSocket.open();
    using ethtool = EthtoolSocket.open();
    const card = socket.links().find(({ parentDevice }) => parentDevice?.bus === 'pci')!;
    const checks = new InterfaceChecks(socket, () => EthtoolSocket.open());
    const flags = (given: Record<string, boolean>) => setup(card.name, { ethtool: { privateFlags: given } });
    expect(await checks.hostLink(card, flags({ 'legacy-rx': true }))).toEqual([]);
    expect(await checks.hostLink(card, flags({ 'no-such': true }))).toEqual([
      expect.objectContaining({ message: `is no private flag of ${card.name}; it has legacy-rx` }),
    ]);
    await configurator.configure({ namespace, socket }, card, flags({ 'legacy-rx': true }));
    expect(await ethtool.privateFlags(card.index)).toEqual({ 'legacy-rx': true });
    await ethtool.setPrivateFlags(card.index, { 'legacy-rx': false });
  });
});
