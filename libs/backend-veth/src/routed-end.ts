import { readFileSync } from 'node:fs';
import {
  InterfaceConflictError,
  type InterfaceSetup,
  ParametersInvalidError,
  parseIpPrefix,
  type RouteSetup,
} from '@patchbay/core';
import {
  addressAdd,
  addressFlags,
  linkSet,
  NetlinkError,
  routeAdd,
  routeTables,
  type RouteSocket,
} from '@patchbay/netlink';
import type { RoutedNetwork } from './veth-config.ts';

/** How the host's end of a routed pair is set up. Plain JSON. */
export type RoutedEnd = {
  /** The gateway addresses that the end has, `address/length`. */
  readonly gateways: readonly string[];
  /** The pod's addresses, to which the host routes through the end, `address/32` or `address/128`. */
  readonly podAddresses: readonly string[];
};

/**
 * Turns a setup into one for a routed link: the pod has its addresses alone, without their networks, and reaches everything through the
 * host's end, like the CNI plugin ptp does it.
 *
 * @throws ParametersInvalidError when there is no address, or IPv6 is asked for and the node does not forward it
 */
export function routedSetup<Setup extends InterfaceSetup>(
  setup: Setup,
  network: RoutedNetwork,
  procfs = '/proc',
): { readonly setup: Setup; readonly hostEnd: RoutedEnd } {
  const addresses = setup.addresses.flatMap((text) => parseIpPrefix(text) ?? []);
  if (addresses.length === 0) {
    throw new ParametersInvalidError(`network ${network.name}`, [
      {
        path: 'interface.addresses',
        message: 'is empty; a routed link needs at least one address to route to',
      },
    ]);
  }
  if (addresses.some(({ family }) => family === 6) && !forwardsIpv6(procfs)) {
    throw new ParametersInvalidError(`network ${network.name}`, [
      {
        path: 'interface.addresses',
        message:
          'has IPv6, which this node does not forward; set sysctl net.ipv6.conf.all.forwarding=1 on it',
      },
    ]);
  }
  const families = new Set(addresses.map(({ family }) => family));
  const routes: RouteSetup[] = [];
  if (families.has(4)) routes.push({ destination: `${network.gateway}/32`, scope: 'link' });
  const networks = new Set(
    addresses.filter(({ family, length }) => length < hostLength(family)).map((each) => each.network),
  );
  for (const destination of networks) {
    routes.push({ destination, gateway: destination.includes(':') ? network.gateway6 : network.gateway });
  }
  return {
    setup: {
      ...setup,
      addresses: addresses.map(({ family, address }) => `${address}/${hostLength(family)}`),
      routes: [...routes, ...setup.routes],
    },
    hostEnd: {
      gateways: [
        ...(families.has(4) ? [`${network.gateway}/32`] : []),
        ...(families.has(6) ? [`${network.gateway6}/64`] : []),
      ],
      podAddresses: addresses.map(({ family, address }) => `${address}/${hostLength(family)}`),
    },
  };
}

/**
 * Gives the host's end its gateway addresses, its routes to the pod, and forwarding. Repeatable.
 *
 * @throws InterfaceConflictError when the host has another route to one of the pod's addresses: another pod has the address, or the node
 */
export function configureRoutedEnd(
  socket: RouteSocket,
  linkIndex: number,
  { gateways, podAddresses }: RoutedEnd,
): void {
  const present = new Set(socket.addresses({ linkIndex }).map(({ address }) => address));
  socket.execute(
    linkSet(linkIndex, { up: true, ipv4: { forwarding: 1 } }),
    ...gateways
      .filter((address) => !present.has(address))
      .map((address) =>
        addressAdd({
          linkIndex,
          address,
          ...(address.includes(':') ? { flags: addressFlags.nodad } : { scope: 'link' as const }),
        }),
      ),
  );
  for (const destination of podAddresses) addHostRoute(socket, linkIndex, destination);
}

function addHostRoute(socket: RouteSocket, linkIndex: number, destination: string): void {
  try {
    socket.execute(routeAdd({ destination, linkIndex, scope: 'link' }));
  } catch (error) {
    if (!(error instanceof NetlinkError && error.code === 'EEXIST')) throw error;
    const others = socket
      .routes()
      .filter((route) => route.destination === destination && route.table === routeTables.main);
    if (others.some((route) => route.linkIndex === linkIndex)) return;
    const owner = others
      .map((route) => socket.link({ index: route.linkIndex ?? 0 })?.name ?? 'another link')
      .join(', ');
    throw new InterfaceConflictError(
      `the node has a route to ${destination} over ${owner} already: another pod or the node itself has that address; give the claim another one`,
      error,
    );
  }
}

function hostLength(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

function forwardsIpv6(procfs: string): boolean {
  try {
    return readFileSync(`${procfs}/sys/net/ipv6/conf/all/forwarding`, 'utf8').trim() !== '0';
  } catch {
    return false;
  }
}
