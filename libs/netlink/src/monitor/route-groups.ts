import type { ChangeGroup } from './route-event.ts';

/** The multicast groups of rtnetlink (`RTNLGRP_*`, linux/rtnetlink.h) that tell of each sort of object. */
export const routeGroupNumbers: Readonly<Record<ChangeGroup, readonly number[]>> = {
  link: [1],
  neighbour: [3],
  address: [5, 9],
  route: [7, 11],
  rule: [8, 19],
  nexthop: [32],
};
