import type { DhcpLease } from '@patchbay/dhcp';
import type { InterfaceSetup, RouteSetup } from '../interfaces/interface-setup.ts';
import { networkContains } from '../interfaces/ip.ts';
import type { DhcpConfig } from '../interfaces/schema/address-sources-schema.ts';
import { smallestIpv6Mtu } from '../interfaces/schema/route-schema.ts';
import { routesInOrder } from './address-ranges.ts';

/** Smallest MTU that a server may give (RFC 2132, section 5.1). */
const smallestMtu = 68;

/** The setup with what a lease gives: the address with its lifetimes, the routes and the MTU that the claim takes over. */
export function withLease(
  setup: InterfaceSetup,
  lease: DhcpLease,
  largestMtu: number,
): { readonly setup: InterfaceSetup; readonly routes: readonly RouteSetup[] } {
  const { dhcp = {}, vrf } = setup;
  const routes = leasedRoutes(lease, dhcp)
    .map((route) => (vrf === undefined ? route : { table: vrf.table, ...route }))
    // A claim's own route to the same destination is meant instead.
    .filter(({ destination }) => setup.routes.every((route) => route.destination !== destination));
  const { address, obtainedAt, validFor } = lease;
  const mtu = setup.mtu ?? leasedMtu(lease, dhcp, largestMtu);
  const preferredFor = lease.family === 6 ? lease.preferredFor : undefined;
  return {
    routes,
    setup: {
      ...setup,
      ...(mtu === undefined ? {} : { mtu }),
      addresses: [...setup.addresses, address],
      routes: routesInOrder([...setup.routes, ...routes]),
      leases: [
        ...(setup.leases ?? []),
        {
          address,
          obtainedAt,
          ...(validFor === undefined ? {} : { validFor }),
          ...(preferredFor === undefined ? {} : { preferredFor }),
        },
      ],
    },
  };
}

function leasedRoutes(lease: DhcpLease, { routes = true, defaultRoute = false }: DhcpConfig): RouteSetup[] {
  if (lease.family === 6) return [];
  const given = lease.routes ?? [];
  const isDefault = ({ destination }: { readonly destination: string }) => destination.endsWith('/0');
  // With classless routes the routers do not count (RFC 3442).
  const router = lease.routes === undefined ? lease.routers[0] : given.find(isDefault)?.gateway;
  return [
    ...(routes
      ? given.filter((route) => !isDefault(route)).map((route) => reachable(route, lease.address))
      : []),
    ...(defaultRoute && router !== undefined
      ? [reachable({ destination: '0.0.0.0/0', gateway: router, override: true }, lease.address)]
      : []),
  ];
}

/** Servers may give gateways that are on the link and in no network that the interface knows of. */
function reachable(route: RouteSetup, address: string): RouteSetup {
  const { gateway } = route;
  return gateway === undefined || networkContains(address, gateway) ? route : { ...route, onlink: true };
}

/** Some servers are wrong about it, or speak of another link: what the link cannot do, or would switch IPv6 off, is left out. */
function leasedMtu(
  lease: DhcpLease,
  { mtu: wanted = true, ipv6 }: DhcpConfig,
  largest: number,
): number | undefined {
  if (!wanted || lease.family === 6 || lease.mtu === undefined) return undefined;
  const smallest = ipv6 === true ? smallestIpv6Mtu : smallestMtu;
  return lease.mtu < smallest || lease.mtu > largest ? undefined : lease.mtu;
}
