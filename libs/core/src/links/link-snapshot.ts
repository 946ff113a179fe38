import type { Address, Link, LinkChanges, Neighbour, Route, RouteSocket } from '@patchbay/netlink';
import {
  addressAdd,
  addressFlags,
  routeFlags,
  linkAddAltname,
  linkSet,
  neighbourReplace,
  routeAdd,
  type RouteRequest,
} from '@patchbay/netlink';

/** `RTPROT_KERNEL`: routes that the kernel makes by itself for addresses (linux/rtnetlink.h). */
const routeProtocolKernel = 2;
/** `RT_TABLE_LOCAL`: the kernel's own table of local addresses (linux/rtnetlink.h). */
const tableLocal = 255;
/** `NUD_PERMANENT`: a neighbour that somebody configured (linux/neighbour.h). */
const neighbourPermanent = 0x80;

/**
 * All that the driver brings back when a host link returns from a pod. Plain JSON, taken before the link is touched for the first time
 * and journalled with the claim; what is "current" later is never taken for the original.
 */
export type LinkSnapshot = {
  readonly index: number;
  readonly name: string;
  readonly altnames: readonly string[];
  readonly alias?: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly hardwareAddress?: string;
  /** What the link is whatever it is called: identity by which it is found again. */
  readonly permanentAddress?: string;
  readonly parentDevice?: { readonly bus: string; readonly name: string };
  /** Kind of a software link (`veth`, …); such a link dies with a namespace that dies. Absent for hardware. */
  readonly kind?: string;
  readonly txQueueLength?: number;
  readonly master?: number;
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
};

/** Takes the snapshot of a link of the namespace that `socket` is in. */
export function takeLinkSnapshot(socket: RouteSocket, link: Link): LinkSnapshot {
  const {
    index,
    name,
    altnames,
    alias,
    up,
    mtu,
    address,
    permanentAddress,
    parentDevice,
    kind,
    txQueueLength,
    master,
  } = link;
  return {
    index,
    name,
    altnames,
    up,
    mtu,
    addresses: socket.addresses({ linkIndex: index }).filter(isConfigured).map(withoutAddressState),
    routes: socket
      .routes({ linkIndex: index })
      .filter(
        ({ protocol, table, type }) =>
          protocol !== routeProtocolKernel && table !== tableLocal && type === 'unicast',
      )
      .map(withoutRouteState),
    neighbours: socket
      .neighbours({ linkIndex: index })
      .filter(({ state }) => (state & neighbourPermanent) !== 0),
    ...(alias === undefined ? {} : { alias }),
    ...(address === undefined ? {} : { hardwareAddress: address }),
    ...(permanentAddress === undefined ? {} : { permanentAddress }),
    ...(parentDevice === undefined ? {} : { parentDevice }),
    ...(kind === undefined ? {} : { kind }),
    ...(txQueueLength === undefined ? {} : { txQueueLength }),
    ...(master === undefined ? {} : { master }),
  };
}

/** The messages that make a link, which is back on the host under its name, what it was; none for what is right already. */
export function restoreRequests(snapshot: LinkSnapshot, current: Link, socket: RouteSocket): RouteRequest[] {
  const { index } = current;
  const missingNames = snapshot.altnames.filter((name) => !current.altnames.includes(name));
  const now = takeLinkSnapshot(socket, current);
  const changes: LinkChanges = {
    ...(snapshot.mtu === now.mtu ? {} : { mtu: snapshot.mtu }),
    ...(snapshot.hardwareAddress === undefined || snapshot.hardwareAddress === now.hardwareAddress
      ? {}
      : { address: snapshot.hardwareAddress }),
    ...(snapshot.txQueueLength === undefined || snapshot.txQueueLength === now.txQueueLength
      ? {}
      : { txQueueLength: snapshot.txQueueLength }),
    ...(snapshot.alias === now.alias ? {} : { alias: snapshot.alias ?? '' }),
    ...(snapshot.master === now.master ? {} : { master: snapshot.master ?? 0 }),
    ...(snapshot.up === now.up ? {} : { up: snapshot.up }),
  };
  return [
    ...(missingNames.length > 0 ? [linkAddAltname(index, missingNames)] : []),
    ...(Object.keys(changes).length > 0 ? [linkSet(index, changes)] : []),
    ...snapshot.addresses
      .filter(({ address }) => !now.addresses.some((present) => present.address === address))
      .map((address) => addressAdd({ ...address, linkIndex: index })),
  ];
}

/** One message that brings back what others of the host may stand in the way of. */
export interface RestoreStep {
  readonly request: RouteRequest;
  /** What it brings back, in words. */
  readonly what: string;
}

/**
 * The messages that bring back a link's routes and permanent neighbours, to be sent one by one once the link is up again: routes without a
 * gateway first, because the others may need them. They add and never replace: what others of the host have set up meanwhile stays.
 */
export function restoreSteps(snapshot: LinkSnapshot, linkIndex: number): RestoreStep[] {
  const isDirect = ({ gateway, nexthops }: Route) => gateway === undefined && nexthops === undefined;
  const routes = [
    ...snapshot.routes.filter(isDirect),
    ...snapshot.routes.filter((route) => !isDirect(route)),
  ];
  return [
    ...routes.map(({ nexthopId, ...route }) => ({
      // The kernel takes a nexthop object or what it stands for, not both.
      request: routeAdd({
        ...route,
        linkIndex,
        ...(isDirect(route) && nexthopId !== undefined ? { nexthopId } : {}),
      }),
      what: `route ${route.destination}${route.gateway === undefined ? '' : ` via ${route.gateway}`}`,
    })),
    ...snapshot.neighbours.map((neighbour) => ({
      request: neighbourReplace({ ...neighbour, linkIndex }),
      what: `neighbour ${neighbour.address}`,
    })),
  ];
}

/** IPv6 link-local addresses are the kernel's own work: it makes them anew whenever the link comes up. */
function isConfigured({ scope, address }: Address): boolean {
  return !(scope === 'link' && address.includes(':'));
}

/** Without the progress of duplicate address detection, which depends on the moment and not on who configured the address. */
function withoutAddressState(address: Address): Address {
  return { ...address, flags: address.flags & ~(addressFlags.tentative | addressFlags.dadfailed) };
}

/** Without what the kernel says of the moment: that the link has no carrier, or that the card forwards by itself. */
function withoutRouteState(route: Route): Route {
  const { nexthops } = route;
  return {
    ...route,
    flags: route.flags & routeFlags.onlink,
    ...(nexthops && {
      nexthops: nexthops.map(({ flags = 0, ...hop }) => {
        const kept = flags & routeFlags.onlink;
        return kept === 0 ? hop : { ...hop, flags: kept };
      }),
    }),
  };
}
