import type { AddressFamily } from '../../wire/ip-address.ts';

/** An IP address of a link (`struct ifaddrmsg` and `IFA_*`, linux/if_addr.h). Plain JSON, and itself an {@link AddressSpec}. */
export interface Address {
  readonly linkIndex: number;
  /** The link's own address with the length of its network's prefix: `192.0.2.10/24`. */
  readonly address: string;
  readonly family: AddressFamily;
  /** The other end's address on a point-to-point link, without prefix length; absent when there is none. */
  readonly peer?: string;
  readonly broadcast?: string;
  /** IPv4 only: a name that begins with the link's. */
  readonly label?: string;
  readonly scope: RouteScope;
  /** {@link addressFlags}, or-ed. */
  readonly flags: number;
  /** Seconds until it is deprecated; absent: never. */
  readonly preferredLifetime?: number;
  /** Seconds until it is removed; absent: never. */
  readonly validLifetime?: number;
  /** Who made it (`IFAPROT_*`); since Linux 5.18. */
  readonly protocol?: number;
  /** Metric of the route to its network. */
  readonly metric?: number;
}

/** How far an address or route is valid (`RT_SCOPE_*`, linux/rtnetlink.h). */
export type RouteScope = 'global' | 'site' | 'link' | 'host' | 'nowhere';

/** An address to be added or deleted. */
export interface AddressSpec {
  readonly linkIndex: number;
  readonly address: string;
  readonly peer?: string;
  /** IPv4 only. `auto` is the last address of the network. */
  readonly broadcast?: string;
  readonly label?: string;
  /** Default: `global`, for 127.0.0.0/8 and ::1 `host`. */
  readonly scope?: RouteScope;
  /** {@link addressFlags} that may be set: noDad, noPrefixRoute, managedTemporary, … What only the kernel decides is left out. */
  readonly flags?: number;
  readonly preferredLifetime?: number;
  readonly validLifetime?: number;
  readonly protocol?: number;
  readonly metric?: number;
}

/** Which addresses a dump returns; absent members match all. */
export interface AddressFilter {
  readonly linkIndex?: number;
  readonly family?: AddressFamily;
}

/** Flags of an address (`IFA_F_*`), named as iproute2 prints them. */
export const addressFlags = {
  /** IPv4: not the first of its network. IPv6: `temporary`. */
  secondary: 0x1,
  /** Usable at once, without duplicate address detection. */
  nodad: 0x2,
  optimistic: 0x4,
  dadfailed: 0x8,
  home: 0x10,
  deprecated: 0x20,
  /** Duplicate address detection is not finished. */
  tentative: 0x40,
  permanent: 0x80,
  mngtmpaddr: 0x100,
  /** Without a route to its network. */
  noprefixroute: 0x200,
  autojoin: 0x400,
  stableprivacy: 0x800,
} as const;
