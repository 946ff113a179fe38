import type { NexthopObject, Route } from '@patchbay/netlink';

/** Whether a route says only by the number of a next-hop object where it leads, as the kernel does with `net.ipv4.nexthop_compat_mode` 0. */
export function leadsByObject({ nexthopId, linkIndex, nexthops }: Route): boolean {
  return nexthopId !== undefined && linkIndex === undefined && nexthops === undefined;
}

/** The routes with the links by which they leave, found by their next-hop objects where they do not say themselves. */
export function withLinksOfObjects(routes: readonly Route[], objects: readonly NexthopObject[]): Route[] {
  const byId = new Map(objects.map((object) => [object.id, object]));
  // A group consists of objects that are no groups.
  const linksOf = (id: number | undefined): number[] => {
    const { linkIndex, group = [] } = (id === undefined ? undefined : byId.get(id)) ?? {};
    return [linkIndex, ...group.map((member) => byId.get(member.id)?.linkIndex)].filter(
      (index) => index !== undefined,
    );
  };
  return routes.map((route) =>
    leadsByObject(route)
      ? {
          ...route,
          nexthops: linksOf(route.nexthopId).map((linkIndex) => ({ linkIndex, weight: 1 })),
        }
      : route,
  );
}
