import type { AddressFamily } from '../../wire/ip-address.ts';

/** A neighbour: whose link-layer address an IP address is (`struct ndmsg` and `NDA_*`, linux/neighbour.h). Plain JSON. */
export interface Neighbour {
  readonly linkIndex: number;
  readonly family: AddressFamily;
  /** IP address, without prefix length. */
  readonly address: string;
  /** Link-layer address; absent while it is not known. */
  readonly linkAddress?: string;
  /** {@link neighbourStates}. */
  readonly state: number;
  /** {@link neighbourFlags}, or-ed. */
  readonly flags: number;
  /** Who made it (`RTPROT_*`). */
  readonly protocol?: number;
}

/** A neighbour to be added, replaced or deleted. */
export interface NeighbourSpec {
  readonly linkIndex: number;
  readonly address: string;
  readonly linkAddress?: string;
  /** Default: permanent. */
  readonly state?: number;
  readonly flags?: number;
  readonly protocol?: number;
}

/** Which neighbours a dump returns; absent members match all. */
export interface NeighbourFilter {
  readonly linkIndex?: number;
  readonly family?: AddressFamily;
  /** Entries that this host answers for, instead of the others. */
  readonly proxy?: boolean;
}

/** States of a neighbour (`NUD_*`). */
export const neighbourStates = {
  none: 0,
  incomplete: 0x1,
  reachable: 0x2,
  stale: 0x4,
  delay: 0x8,
  probe: 0x10,
  failed: 0x20,
  noArp: 0x40,
  permanent: 0x80,
} as const;

/** Flags of a neighbour (`NTF_*`). */
export const neighbourFlags = {
  use: 0x1,
  self: 0x2,
  master: 0x4,
  proxy: 0x8,
  externallyLearned: 0x10,
  sticky: 0x40,
  router: 0x80,
} as const;
