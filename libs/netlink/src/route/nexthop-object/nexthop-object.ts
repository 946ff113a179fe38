import type { AddressFamily } from '../../wire/ip-address.ts';
import type { RouteEncapsulation } from '../route/route.ts';

/** A next-hop object, which routes use by its number (`struct nhmsg` and `NHA_*`, linux/nexthop.h). Plain JSON, and itself a specification. */
export interface NexthopObject {
  readonly id: number;
  /** Absent for groups. */
  readonly family?: AddressFamily;
  /** Who made it (`RTPROT_*`). */
  readonly protocol: number;
  /** The link that it leaves by; absent for groups and black holes. */
  readonly linkIndex?: number;
  readonly gateway?: string;
  readonly onlink?: boolean;
  readonly encap?: RouteEncapsulation;
  readonly blackhole?: boolean;
  /** The objects that a group consists of. */
  readonly group?: readonly NexthopGroupMember[];
  /** Settings of a group that keeps flows where they are. */
  readonly resilient?: ResilientGroup;
}

/** A part of a group of next-hop objects. */
export interface NexthopGroupMember {
  readonly id: number;
  /** Share of the traffic, from 1. */
  readonly weight: number;
}

/** How a resilient group moves flows (`NHA_RES_GROUP_*`). */
export interface ResilientGroup {
  readonly buckets: number;
  /** Hundredths of a second after which a bucket counts as idle. */
  readonly idleTimer: number;
  /** Hundredths of a second after which buckets are moved although they are not; 0: never. */
  readonly unbalancedTimer: number;
}
