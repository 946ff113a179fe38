import type { RouteMetrics, RouteType } from './route.ts';

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
  realms: 11,
  cacheInfo: 12,
  table: 15,
  via: 18,
  preference: 20,
  encapType: 21,
  encap: 22,
  expires: 23,
  nexthopId: 30,
} as const;

/** Attributes inside `RTA_METRICS` (`RTAX_*`) that are fields of the route itself. */
export const metricAttributes = { mtu: 2, advertisedMss: 8 } as const;

/** The other numbers inside `RTA_METRICS` (`RTAX_*`). */
export const routeMetricAttributes: Readonly<
  Record<Exclude<keyof RouteMetrics, 'congestionControl'>, number>
> = {
  lock: 1,
  window: 3,
  rtt: 4,
  rttVariance: 5,
  slowStartThreshold: 6,
  congestionWindow: 7,
  reordering: 9,
  hopLimit: 10,
  initialCongestionWindow: 11,
  features: 12,
  minimalRto: 13,
  initialReceiveWindow: 14,
  quickAck: 15,
  fastOpenNoCookie: 17,
};
/** `RTAX_CC_ALGO`, which is text, and its longest value (`TCP_CA_NAME_MAX` without the zero). */
export const congestionControlAttribute = 16;
export const congestionControlLimit = 15;

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
