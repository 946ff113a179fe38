import type { AddressFamily } from '../../wire/ip-address.ts';

/** A rule that chooses the routing table (`struct fib_rule_hdr` and `FRA_*`, linux/fib_rules.h). Plain JSON, and itself a {@link RuleSpec}. */
export interface Rule {
  readonly family: AddressFamily;
  /** Rules are tried in this order, the lowest first. */
  readonly priority: number;
  readonly action: RuleAction;
  /** Network that packets must come from; absent: any. */
  readonly source?: string;
  /** Network that packets must go to; absent: any. */
  readonly destination?: string;
  /** Table that the rule looks into, for action `table`. */
  readonly table?: number;
  /** Priority of the rule to go on with, for action `goto`. */
  readonly goto?: number;
  /** Mark that packets must carry, after {@link fwmask}. */
  readonly fwmark?: number;
  readonly fwmask?: number;
  /** Name of the link that packets come in by; it need not exist. */
  readonly iif?: string;
  /** Name of the link that a socket is bound to; it need not exist. */
  readonly oif?: string;
  readonly tos?: number;
  /** Whether the rule is for the VRF's table of the packet's link. */
  readonly l3mdev?: boolean;
  readonly uidRange?: { readonly start: number; readonly end: number };
  /** IANA protocol number. */
  readonly ipProtocol?: number;
  readonly sourcePorts?: { readonly start: number; readonly end: number };
  readonly destinationPorts?: { readonly start: number; readonly end: number };
  /** Routes whose prefix is this long or shorter do not count. */
  readonly suppressPrefixLength?: number;
  /** Routes by a link of this group do not count. */
  readonly suppressGroup?: number;
  /** Whether it applies to the packets that do not match. */
  readonly invert?: boolean;
  /** Who made it (`RTPROT_*`). */
  readonly protocol?: number;
}

/** What a rule does (`FR_ACT_*`). */
export type RuleAction = 'table' | 'goto' | 'nop' | 'blackhole' | 'unreachable' | 'prohibit';

/** A rule to be added or deleted. */
export type RuleSpec = Partial<Omit<Rule, 'family'>> & {
  /** Needed only when neither source nor destination tells it. */
  readonly family?: AddressFamily;
};

/** Which rules a dump returns; absent members match all. */
export interface RuleFilter {
  readonly family?: AddressFamily;
}
