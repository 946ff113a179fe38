import type { Address, Neighbour, Route } from '@patchbay/netlink';
import { describe, expect, it } from 'vitest';
import { inheritedSetup } from './inherited-setup.ts';

const address = (text: string, scope: Address['scope'] = 'global'): Address => ({
  address: text,
  linkIndex: 7,
  family: text.includes(':') ? 6 : 4,
  scope,
  flags: 0,
});
const route = (more: Partial<Route> & Pick<Route, 'destination'>): Route => ({
  family: 4,
  linkIndex: 7,
  table: 254,
  scope: 'global',
  protocol: 4,
  type: 'unicast',
  flags: 0,
  ...more,
});

const host = {
  addresses: [
    { ...address('192.0.2.10/24'), validLifetime: 60, preferredLifetime: 60 },
    address('2001:db8::10/64'),
    address('fe80::1/64', 'link'),
  ],
  routes: [
    route({
      destination: '198.51.100.0/24',
      gateway: '192.0.2.1',
      metric: 7,
      mtu: 1400,
      flags: 4,
      onlink: true,
    }),
    route({ destination: '203.0.113.0/24', scope: 'link', table: 100 }),
    route({ destination: '10.0.0.0/8', type: 'blackhole' }),
    route({ destination: '10.1.0.0/16', nexthops: [{ linkIndex: 7, weight: 1 }] }),
  ],
  neighbours: [
    {
      address: '192.0.2.1',
      linkAddress: '02:00:00:00:00:01',
      linkIndex: 7,
      family: 4,
      state: 0x80,
      flags: 0,
    },
    { address: '192.0.2.2', linkAddress: '02:00:00:00:00:02', linkIndex: 7, family: 4, state: 4, flags: 0 },
  ] satisfies Neighbour[],
};
const asked = { name: 'net1', addresses: [], routes: [] };
const all = { addresses: true, routes: true, neighbours: true };

describe('a setup that inherits from the host', () => {
  it('has what the link had there and a pod can have, routes without gateway first', () => {
    expect(inheritedSetup({ ...asked, inherit: all }, host)).toEqual({
      name: 'net1',
      inherit: all,
      addresses: ['192.0.2.10/24', '2001:db8::10/64'],
      routes: [
        { destination: '203.0.113.0/24', scope: 'link', table: 100 },
        { destination: '198.51.100.0/24', gateway: '192.0.2.1', metric: 7, mtu: 1400, onlink: true },
      ],
      neighbours: [{ address: '192.0.2.1', hardwareAddress: '02:00:00:00:00:01' }],
    });
  });

  it('keeps what the claim gives, and inherits only what it asks for', () => {
    const given = { ...asked, addresses: ['192.0.2.99/24'], inherit: all };
    const routes = [route({ destination: '198.51.100.0/24', gateway: '192.0.2.1', source: '192.0.2.10' })];
    expect(inheritedSetup(given, { ...host, routes })).toMatchObject({
      addresses: given.addresses,
      routes: [{ destination: '198.51.100.0/24', gateway: '192.0.2.1' }],
      neighbours: [{}],
    });
    expect(inheritedSetup(given, { ...host, routes }).routes[0]).not.toHaveProperty('source');
    expect(inheritedSetup(asked, host)).toBe(asked);
    expect(inheritedSetup({ ...asked, inherit: { addresses: true } }, host)).toMatchObject({ routes: [] });
  });

  it('has the routes of the main table in the table of its VRF', () => {
    const vrf = { name: 'red', table: 10 };
    const { routes } = inheritedSetup({ ...asked, vrf, inherit: all }, host);
    expect(routes.map(({ table }) => table)).toEqual([100, 10]);
  });

  it('is refused when the routes of claim or host do not fit the addresses of the other', () => {
    const routes = [{ destination: '10.9.0.0/16', gateway: '198.51.100.1' }];
    expect(() => inheritedSetup({ ...asked, routes, inherit: { addresses: true } }, host)).toThrow(
      "routes[0].gateway: '198.51.100.1'",
    );
    expect(() =>
      inheritedSetup(
        { ...asked, inherit: { routes: true } },
        {
          ...host,
          routes: [route({ destination: '198.51.100.0/24', gateway: '192.0.2.1' })],
        },
      ),
    ).toThrow(
      "interface.inherit.routes: '192.0.2.1' (for 198.51.100.0/24) is in no network of interface.addresses",
    );
  });
});
