import {
  type Route,
  routeAdd,
  routeAppend,
  routeDelete,
  routePrepend,
  type RouteSocket,
} from '@patchbay/netlink';
import type { LinkSnapshot } from './link-snapshot.ts';
import type { RestoreStep } from './restore-step.ts';
import { agedRoute } from './snapshot-lifetimes.ts';
import { identity, kernelRoutes, routeKey, type SnapshotRoute } from './snapshot-routes.ts';

/**
 * The messages that bring back a link's routes, once it is up again. They add and never replace: what others of the host have set up meanwhile
 * stays.
 *
 * @param linkIndex the link's index now
 * @param elapsed seconds since the snapshot was taken
 */
export function routeSteps(
  snapshot: LinkSnapshot,
  socket: RouteSocket,
  linkIndex: number,
  elapsed: number,
): RestoreStep[] {
  const present = socket.routes({ linkIndex });
  const identities = new Set(present.map(identity));
  const routes = snapshot.routes
    .flatMap((route) => agedRoute(route, elapsed) ?? [])
    .map((route) => movedTo(route, snapshot.index, linkIndex))
    .filter((route) => !identities.has(identity(route)))
    .flatMap((route) => withoutPresentWays(route, present, linkIndex));
  return [...kernelRouteSteps(snapshot, present, linkIndex), ...inOrderOfAdding(routes).map(step)];
}

/**
 * Routes to one destination keep their order, the first of them last where they are prepended; else those without a gateway come first, because
 * the others may need them.
 */
function inOrderOfAdding(routes: readonly SnapshotRoute[]): SnapshotRoute[] {
  const groups = new Map<string, SnapshotRoute[]>();
  for (const route of routes) {
    const group = groups.get(routeKey(route));
    if (group === undefined) groups.set(routeKey(route), [route]);
    else group.push(route);
  }
  const lists = [...groups.values()].map((group) => [
    ...group.filter(({ place }) => place !== 'first'),
    ...group.filter(({ place }) => place === 'first').toReversed(),
  ]);
  return [
    ...lists.filter((list) => list.every(isDirect)),
    ...lists.filter((list) => list.some(isDirect) && !list.every(isDirect)),
    ...lists.filter((list) => !list.some(isDirect)),
  ].flat();
}

/** Addresses bring back the kernel's routes to their networks also where an administrator had taken those away or put others in their place. */
function kernelRouteSteps(
  { kernelRoutes: wanted, index }: LinkSnapshot,
  present: readonly Route[],
  linkIndex: number,
): RestoreStep[] {
  if (wanted === undefined) return [];
  const now = kernelRoutes(present);
  const moved = wanted.map((route) => movedTo(route, index, linkIndex));
  const missing = differences(moved, now);
  return [
    ...differences(now, moved).map((route) => ({
      request: routeDelete(route),
      what: `absence of route ${route.destination}`,
    })),
    ...missing.map((route) => ({
      request: routeAdd(route),
      what: `route ${route.destination}`,
      alsoByKernel: true as const,
    })),
  ];
}

function differences(these: readonly SnapshotRoute[], those: readonly SnapshotRoute[]): SnapshotRoute[] {
  const known = new Set(those.map(identity));
  return these.filter((route) => !known.has(identity(route)));
}

function step(route: SnapshotRoute): RestoreStep {
  const { place, nexthopId, nexthops, gateway, linkIndex, onlink, encap, ...rest } = route;
  const add = place === undefined ? routeAdd : place === 'first' ? routePrepend : routeAppend;
  // The kernel takes a next-hop object or what it stands for, not both.
  const way =
    nexthopId === undefined
      ? {
          ...(nexthops && { nexthops }),
          ...(gateway !== undefined && { gateway }),
          ...(linkIndex !== undefined && { linkIndex }),
          ...(onlink !== undefined && { onlink }),
          ...(encap && { encap }),
        }
      : { nexthopId };
  const via = gateway === undefined ? '' : ` via ${gateway}`;
  return { request: add({ ...rest, ...way }), what: `route ${route.destination}${via}` };
}

/** The index may have changed in the pod's namespace. */
function movedTo<T extends Route>(route: T, from: number, to: number): T {
  if (from === to) return route;
  return {
    ...route,
    ...(route.linkIndex === from ? { linkIndex: to } : {}),
    ...(route.nexthops && {
      nexthops: route.nexthops.map((hop) => (hop.linkIndex === from ? { ...hop, linkIndex: to } : hop)),
    }),
  };
}

/**
 * Of an IPv6 route with several ways the kernel keeps those by other links, so that only the link's own are to be added. An IPv4 route it
 * drops as a whole.
 */
function withoutPresentWays(
  route: SnapshotRoute,
  present: readonly Route[],
  linkIndex: number,
): SnapshotRoute[] {
  if (route.family === 4 || route.nexthopId !== undefined || route.nexthops === undefined) return [route];
  const ways = present
    .filter((each) => isSameNetwork(each, route))
    .flatMap(({ nexthops, gateway }) => nexthops?.map((hop) => hop.gateway) ?? [gateway]);
  const foreign = route.nexthops.some((hop) => hop.linkIndex !== linkIndex);
  const missing = route.nexthops.filter((hop) => hop.linkIndex === linkIndex && !ways.includes(hop.gateway));
  if (!foreign && missing.length === route.nexthops.length) return [route];
  return missing.map((hop) => ({ ...route, nexthops: [hop], place: 'last' }));
}

function isSameNetwork(one: Route, other: Route): boolean {
  return (
    one.family === other.family &&
    one.table === other.table &&
    one.destination === other.destination &&
    one.metric === other.metric &&
    one.from === other.from
  );
}

function isDirect({ gateway, nexthops, nexthopId }: SnapshotRoute): boolean {
  return gateway === undefined && nexthops === undefined && nexthopId === undefined;
}
