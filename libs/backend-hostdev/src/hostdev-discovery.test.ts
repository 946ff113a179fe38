import type { HostLinks } from '@patchbay/core';
import type { Link } from '@patchbay/netlink';
import { describe, expect, it } from 'vitest';
import { HostdevDiscovery } from './hostdev-discovery.ts';

const address = '0000:3b:00.0';

function card(index: number, name: string, physicalPortName?: string): Link {
  const link = {
    ...{ index, name, altnames: [], mtu: 1500, address: `02:00:5e:00:53:0${index}` },
    ...{ flags: 0, up: true, carrier: true, operState: 'up', encapsulation: 'ether' },
    parentDevice: { bus: 'pci', name: address },
  };
  return { ...link, ...(physicalPortName === undefined ? {} : { physicalPortName }) } as unknown as Link;
}

/** A discovery on a host whose links the test may change. */
function discoveryOf(links: Link[]): HostdevDiscovery {
  const hostLinks = {
    state: async () => ({ links, addresses: new Map(), wiring: new Map() }),
  } as unknown as HostLinks;
  return new HostdevDiscovery(hostLinks, { links: [{ name: '*' }] }, '/nonexistent');
}

async function namesIn(discovery: HostdevDiscovery): Promise<string[]> {
  return (await discovery.list()).map(({ name }) => name);
}

describe('HostdevDiscovery', () => {
  it('names a card after its PCI address', async () => {
    const [device] = await discoveryOf([card(1, 'eth1', 'p0')]).list();
    expect(device).toMatchObject({ name: 'pci-0000-3b-00-0', identity: `pci/${address}` });
  });

  it('tells links with one PCI address apart by their ports, or else by their names', async () => {
    const devices = await discoveryOf([card(1, 'eth1', 'p0'), card(2, 'eth2')]).list();
    expect(devices.map(({ name, identity }) => [name, identity])).toEqual([
      ['pci-0000-3b-00-0-p0', `pci/${address}/p0`],
      ['pci-0000-3b-00-0-eth2', `pci/${address}/eth2`],
    ]);
  });

  it("keeps a port's name while the other port is in a pod", async () => {
    const links = [card(1, 'eth1', 'p0'), card(2, 'eth2', 'p1')];
    const discovery = discoveryOf(links);
    await discovery.list();
    links.pop();
    expect(await namesIn(discovery)).toEqual(['pci-0000-3b-00-0-p0']);
  });
});
