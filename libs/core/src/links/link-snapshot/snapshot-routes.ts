import { type Nexthop, type Route, routeFlags, type RouteSocket, routeTables } from '@patchbay/netlink';

/** A route as it is journalled. */
export type SnapshotRoute = Route & {
  /** Where it stood among routes to the same destination with the same metric, if it was not alone: the kernel takes the first. */
  readonly place?: 'first' | 'last';
};

/** `RTPROT_REDIRECT` and `RTPROT_KERNEL` (linux/rtnetlink.h): routes that the kernel makes by itself. */
const redirect = 1;
const kernel = 2;

/**
 * The routes of a link that somebody made, with their places.
 *
 * @param all all routes of the link
 */
export function snapshotRoutes(socket: RouteSocket, all: readonly Route[]): SnapshotRoute[] {
  const routes = all.filter((route) => isConfigured(route));
  const tables = new Set(routes.map(({ table }) => table));
  const companions = [...tables].flatMap((table) => socket.routes({ table }));
  const byKey = new Map<string, Route[]>();
  for (const route of companions) {
    const group = byKey.get(routeKey(route));
    if (group === undefined) byKey.set(routeKey(route), [route]);
    else group.push(route);
  }
  const own = new Set(routes.map((route) => identity(route)));
  return routes.map((route) => {
    const group = byKey.get(routeKey(route)) ?? [];
    const position = group.findIndex((each) => identity(each) === identity(route));
    const place = placeAmong(
      group.map((each) => own.has(identity(each))),
      position,
    );
    const kept = withoutRouteState(route);
    return place === undefined ? kept : { ...kept, place };
  });
}

/** Whether a route is part of the configuration, and not the kernel's own work. */
function isConfigured({ protocol, flags }: Route): boolean {
  return protocol !== kernel && protocol !== redirect && (flags & routeFlags.cloned) === 0;
}

/**
 * Of the routes of a link those that the kernel made for its addresses, without those that are always there (its own table) and those that come with
 * the carrier (IPv6 link-local and multicast).
 */
export function kernelRoutes(routes: readonly Route[]): SnapshotRoute[] {
  return routes
    .filter(
      ({ protocol, table, type, destination, expires }) =>
        protocol === kernel &&
        table !== routeTables.local &&
        type === 'unicast' &&
        expires === undefined &&
        !/^f[ef]/.test(destination),
    )
    .map(withoutRouteState);
}

/**
 * Where a route stands among those that the kernel would take for the same.
 *
 * @param ours of each of them, whether it is the link's
 */
function placeAmong(ours: readonly boolean[], position: number): SnapshotRoute['place'] {
  if (position < 0 || ours.length < 2) return undefined;
  const others = ours.flatMap((own, index) => (own ? [] : [index]));
  if (others.length > 0) return others.every((other) => other > position) ? 'first' : 'last';
  // The first of our own is added like one that is alone, so that it does not creep in behind what others have set up meanwhile.
  return position === 0 ? undefined : 'last';
}

/** What the kernel takes for the same route: it refuses a second one unless that is appended or prepended. */
export function routeKey({ family, table, destination, from, tos, metric }: Route): string {
  return [family, table, destination, from ?? '', tos ?? 0, metric ?? 0].join(' ');
}

/** The whole route as text, without what passes. */
export function identity(route: SnapshotRoute): string {
  const { place: _place, expires: _expires, flags: _flags, ...rest } = withoutRouteState(route);
  const hops = rest.nexthops?.map(({ flags: _passing, ...hop }) => hop);
  return JSON.stringify({ ...rest, ...(hops && { nexthops: hops }) }, inOrder);
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Without what the kernel says of the moment: that the link has no carrier, or that the card forwards by itself. */
function withoutRouteState<T extends Route>(route: T): T {
  const { nexthops } = route;
  return {
    ...route,
    flags: route.flags & routeFlags.onlink,
    ...(nexthops && {
      nexthops: nexthops.map(({ flags = 0, ...hop }): Nexthop => {
        const kept = flags & routeFlags.onlink;
        return kept === 0 ? hop : { ...hop, flags: kept };
      }),
    }),
  };
}
