import type { Dhcpv4Lease } from '@patchbay/dhcp';
import { describe, expect, it } from 'vitest';
import type { InterfaceSetup } from '../interfaces/interface-setup.ts';
import { addressLifetimes } from '../interfaces/leased-address.ts';
import { withLease } from './leased-setup.ts';

const lease: Dhcpv4Lease = {
  ...{ family: 4, address: '192.0.2.50/24', identity: { hardwareAddress: '02:00:5e:10:00:01' } },
  ...{ server: '192.0.2.1', serverHardwareAddress: '02:00:5e:10:00:99', obtainedAt: 0, validFor: 120 },
  ...{ routers: ['192.0.2.1'], dnsServers: [], mtu: 1400 },
};
const asked: InterfaceSetup = { name: 'net0', addresses: [], routes: [], dhcp: {} };
const classless = {
  ...lease,
  routes: [
    { destination: '198.51.100.0/24', gateway: '192.0.2.7' },
    { destination: '203.0.113.0/24', gateway: '10.9.9.9' },
    { destination: '0.0.0.0/0', gateway: '192.0.2.8' },
  ],
};

describe('what a lease makes of a setup', () => {
  it('is an address with its lifetimes and the MTU, without a default route unless it is asked for', () => {
    expect(withLease(asked, lease, 1500).setup).toEqual({
      ...asked,
      mtu: 1400,
      addresses: ['192.0.2.50/24'],
      leases: [{ address: '192.0.2.50/24', obtainedAt: 0, validFor: 120 }],
    });
    const { routes } = withLease({ ...asked, dhcp: { defaultRoute: true } }, lease, 1500);
    expect(routes).toEqual([{ destination: '0.0.0.0/0', gateway: '192.0.2.1', override: true }]);
  });

  it('takes the default route from classless routes where there are any, and gateways off the network as on the link', () => {
    expect(withLease({ ...asked, dhcp: { defaultRoute: true } }, classless, 1500).routes).toEqual([
      { destination: '198.51.100.0/24', gateway: '192.0.2.7' },
      { destination: '203.0.113.0/24', gateway: '10.9.9.9', onlink: true },
      { destination: '0.0.0.0/0', gateway: '192.0.2.8', override: true },
    ]);
  });

  it('leaves to the claim what the claim gives itself, and leaves out what it does not want', () => {
    const own = { destination: '198.51.100.0/24', gateway: '192.0.2.200' };
    const { setup } = withLease({ ...asked, mtu: 1300, routes: [own] }, classless, 1500);
    expect(setup.mtu).toBe(1300);
    expect(setup.routes.filter(({ destination }) => destination === own.destination)).toEqual([own]);
    expect(withLease({ ...asked, dhcp: { routes: false, mtu: false } }, classless, 1500)).toMatchObject({
      routes: [],
      setup: { routes: [] },
    });
    expect(withLease(asked, lease, 1399).setup).not.toHaveProperty('mtu');
  });

  it('puts its routes into the table of the VRF', () => {
    const { routes } = withLease({ ...asked, vrf: { name: 'red', table: 100 } }, classless, 1500);
    expect(routes[0]).toMatchObject({ table: 100 });
  });
});

describe('the lifetimes of a leased address', () => {
  it('are what is left, at least a minute, and none for other addresses', () => {
    const leases = [{ address: '2001:db8::7/128', obtainedAt: 1000, validFor: 3600, preferredFor: 1800 }];
    const at = (seconds: number) => addressLifetimes(leases, '2001:db8::7/128', 1000 + seconds * 1000);
    expect(at(600)).toEqual({ validLifetime: 3000, preferredLifetime: 1200 });
    expect(at(9000)).toEqual({ validLifetime: 60, preferredLifetime: 60 });
    expect(addressLifetimes(leases, '2001:db8::8/64', 0)).toEqual({});
  });
});
