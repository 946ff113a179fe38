import type { RouteType } from './route.ts';

/** Message types (`RTM_*`, linux/rtnetlink.h). */
export const routeMessages = { new: 24, delete: 25, get: 26 } as const;

/** Size of `struct rtmsg`, and of `struct rtnexthop`. */
export const routeHeaderSize = 12;
export const nexthopHeaderSize = 8;

/** Attributes of a route (`RTA_*`). */
export const routeAttributes = {
  destination: 1,
  from: 2,
  link: 4,
  gateway: 5,
  priority: 6,
  source: 7,
  metrics: 8,
  multipath: 9,
  table: 15,
  via: 18,
  preference: 20,
  expires: 23,
  nexthopId: 30,
} as const;

/** Attributes inside `RTA_METRICS` (`RTAX_*`). */
export const metricAttributes = { mtu: 2, advertisedMss: 8 } as const;

/** `RTNH_F_ONLINK`. */
export const onlinkFlag = 4;

/** `RTN_*`, by their number. */
export const routeTypes: readonly RouteType[] = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
];

/** `ICMPV6_ROUTER_PREF_*`. */
export const preferenceNumbers = { medium: 0, high: 1, low: 3 } as const;
