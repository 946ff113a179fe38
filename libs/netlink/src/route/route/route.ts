import type { AddressFamily } from '../../wire/ip-address.ts';
import type { RouteScope } from '../address/address.ts';

/** A route (`struct rtmsg` and `RTA_*`, linux/rtnetlink.h). Plain JSON, and itself a {@link RouteSpec}. */
export interface Route {
  /** `192.0.2.0/24`; the default route is `0.0.0.0/0` or `::/0`. */
  readonly destination: string;
  readonly family: AddressFamily;
  /** Next hop; may be of the other family. */
  readonly gateway?: string;
  /** Preferred source address for packets that have none yet. */
  readonly source?: string;
  /** Network that the route is for by source, IPv6 only. */
  readonly from?: string;
  /** The link that it leaves by; absent for routes that go nowhere and for {@link nexthops}. */
  readonly linkIndex?: number;
  /** Routing table; 254 is main, 255 local. */
  readonly table: number;
  readonly scope: RouteScope;
  /** Who made it (`RTPROT_*`): 2 the kernel, 3 at boot, 4 an administrator, 9 router advertisement, 16 DHCP. */
  readonly protocol: number;
  readonly type: RouteType;
  /** Priority; the lowest wins. */
  readonly metric?: number;
  /** Largest packet on this route in bytes. */
  readonly mtu?: number;
  /** Largest TCP segment to advertise, in bytes. */
  readonly advertisedMss?: number;
  /** What else the route tells TCP; absent when it tells nothing. */
  readonly metrics?: RouteMetrics;
  /** Tunnel that packets enter on this route. */
  readonly encap?: RouteEncapsulation;
  /** Realm that packets come from in the upper 16 bits, realm that they go to in the lower ones; IPv4 only. */
  readonly realms?: number;
  /** Whether the gateway counts as on the link whatever the addresses say. */
  readonly onlink?: boolean;
  /** Type of service. */
  readonly tos?: number;
  /** IPv6 router preference. */
  readonly preference?: 'low' | 'medium' | 'high';
  /** Seconds until it expires, IPv6 only. */
  readonly expires?: number;
  /** Number of the next-hop object that it uses. */
  readonly nexthopId?: number;
  /** The ways of a route that has several. */
  readonly nexthops?: readonly Nexthop[];
  /** {@link routeFlags}, or-ed: `RTM_F_*` and `RTNH_F_*`. */
  readonly flags: number;
}

/** One way of a route that has several (`struct rtnexthop`). */
export interface Nexthop {
  readonly linkIndex: number;
  readonly gateway?: string;
  /** Share of the traffic, 1 to 256. */
  readonly weight: number;
  readonly onlink?: boolean;
  readonly encap?: RouteEncapsulation;
  readonly realms?: number;
  readonly flags?: number;
}

/** Metrics of a route beyond MTU and MSS (`RTAX_*`), in the kernel's units. */
export interface RouteMetrics {
  /** Which metrics path discovery must not change: bit n for `RTAX_*` number n. */
  readonly lock?: number;
  /** Bytes. */
  readonly window?: number;
  /** Eighths of a millisecond. */
  readonly rtt?: number;
  /** Quarters of a millisecond. */
  readonly rttVariance?: number;
  readonly slowStartThreshold?: number;
  /** Packets. */
  readonly congestionWindow?: number;
  readonly reordering?: number;
  readonly hopLimit?: number;
  /** Packets. */
  readonly initialCongestionWindow?: number;
  /** `RTAX_FEATURE_*`, or-ed. */
  readonly features?: number;
  /** Milliseconds. */
  readonly minimalRto?: number;
  /** Packets. */
  readonly initialReceiveWindow?: number;
  readonly quickAck?: number;
  readonly fastOpenNoCookie?: number;
  /** Name of the algorithm, such as `cubic`. */
  readonly congestionControl?: string;
}

/** A lightweight tunnel (`LWTUNNEL_ENCAP_*`, linux/lwtunnel.h) as the kernel tells it and takes it back. */
export interface RouteEncapsulation {
  /** 1 MPLS, 2 IP, 4 IPv6, 5 SRv6, … */
  readonly type: number;
  /** Its attributes as they are on the wire, hexadecimal. */
  readonly attributes: string;
}

/** What a route does with packets (`RTN_*`). */
export type RouteType =
  | 'unspec'
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'nat'
  | 'xresolve';

/** A route to be added, replaced or deleted. When deleting, absent members match all. */
export interface RouteSpec {
  readonly destination: string;
  readonly gateway?: string;
  readonly source?: string;
  readonly from?: string;
  readonly linkIndex?: number;
  /** Default: 254, main. */
  readonly table?: number;
  /** Default: `link` for an IPv4 route without gateway, `host` for local ones, else `global`. */
  readonly scope?: RouteScope;
  /** Default: 4, an administrator. */
  readonly protocol?: number;
  /** Default: `unicast`. */
  readonly type?: RouteType;
  readonly metric?: number;
  readonly mtu?: number;
  readonly advertisedMss?: number;
  readonly metrics?: RouteMetrics;
  readonly encap?: RouteEncapsulation;
  readonly realms?: number;
  readonly onlink?: boolean;
  readonly tos?: number;
  readonly preference?: 'low' | 'medium' | 'high';
  readonly expires?: number;
  readonly nexthopId?: number;
  readonly nexthops?: readonly Nexthop[];
}

/** Which routes a dump returns; absent members match all. */
export interface RouteFilter {
  /** Matches also routes of which one way leaves by the link. */
  readonly linkIndex?: number;
  readonly table?: number;
  readonly family?: AddressFamily;
  /** Only those to destinations of at most so many bits; 0 is the default route. Others are skipped at a tenth of the cost. */
  readonly longestPrefix?: number;
}

/** Flags of a route (`RTNH_F_*` below 0x100, `RTM_F_*` from there). */
export const routeFlags = {
  dead: 0x1,
  onlink: 0x4,
  offload: 0x8,
  linkdown: 0x10,
  unresolved: 0x20,
  trap: 0x40,
  cloned: 0x200,
} as const;

/** Who made a route (`RTPROT_*`). */
export const routeProtocols = { redirect: 1, kernel: 2, boot: 3, static: 4, ra: 9, dhcp: 16 } as const;

/** Routing tables that every namespace has (`RT_TABLE_*`). */
export const routeTables = { default: 253, main: 254, local: 255 } as const;
