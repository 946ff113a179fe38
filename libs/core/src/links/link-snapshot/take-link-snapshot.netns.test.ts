import {
  addressAdd,
  addressFlags,
  linkDelete,
  linkSet,
  NetworkNamespace,
  routeAdd,
  RouteSocket,
} from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hostLinkAccess } from './host-link-access.ts';
import type { LinkSnapshot } from './link-snapshot.ts';
import { takeLinkSnapshot } from './take-link-snapshot.ts';

describe('takeLinkSnapshot', () => {
  let host: RouteSocket;
  let port: number;
  let card: number;

  beforeEach(() => {
    host = RouteSocket.open();
    const link = host.createLink({ name: 'port0', kind: { kind: 'veth', peer: { name: 'nic0' } } });
    port = link.index;
    card = link.parent ?? 0;
  });
  afterEach(() => {
    host.execute(linkDelete({ index: port }));
    host.close();
  });

  async function snapshot(): Promise<LinkSnapshot> {
    using own = NetworkNamespace.own();
    return await takeLinkSnapshot(host, hostLinkAccess(own), { index: card, name: 'nic0' });
  }

  it('says the same without a carrier and with one', async () => {
    host.execute(
      linkSet(card, { up: true }),
      addressAdd({ linkIndex: card, address: '198.51.100.10/24' }),
      addressAdd({ linkIndex: card, address: '2001:db8::10/64' }),
      routeAdd({ linkIndex: card, destination: '203.0.113.0/24', gateway: '198.51.100.1' }),
      routeAdd({ linkIndex: card, destination: '10.9.0.0/16', gateway: '192.0.2.1', onlink: true }),
      routeAdd({ linkIndex: card, destination: '2001:db8:1::/48', gateway: '2001:db8::1' }),
    );
    const flags = () => host.addresses({ linkIndex: card }).map((address) => address.flags);
    expect(flags().some((each) => each & addressFlags.tentative)).toBe(true);
    const without = await snapshot();
    expect(without.routes).toHaveLength(3);

    host.execute(linkSet(port, { up: true }));
    await vi.waitFor(() => expect(flags().some((each) => each & addressFlags.tentative)).toBe(false), {
      timeout: 10_000,
    });
    const { addresses, ...others } = await snapshot();
    // With the carrier come the kernel's own addresses.
    expect({ ...others, addresses: addresses.filter(({ scope }) => scope !== 'link') }).toEqual(without);
  });
});
