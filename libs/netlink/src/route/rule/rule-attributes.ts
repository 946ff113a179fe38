import type { RuleAction } from './rule.ts';

/** Message types (`RTM_*`, linux/rtnetlink.h). */
export const ruleMessages = { new: 32, delete: 33, get: 34 } as const;

/** Size of `struct fib_rule_hdr`. */
export const ruleHeaderSize = 12;

/** Attributes of a rule (`FRA_*`, linux/fib_rules.h). */
export const ruleAttributes = {
  destination: 1,
  source: 2,
  iif: 3,
  goto: 4,
  priority: 6,
  fwmark: 10,
  suppressGroup: 13,
  suppressPrefixLength: 14,
  table: 15,
  fwmask: 16,
  oif: 17,
  l3mdev: 19,
  uidRange: 20,
  protocol: 21,
  ipProtocol: 22,
  sourcePorts: 23,
  destinationPorts: 24,
} as const;

/** `FIB_RULE_INVERT`. */
export const invertFlag = 2;

/** `FR_ACT_*`. */
export const actionNumbers: Readonly<Record<RuleAction, number>> = {
  table: 1,
  goto: 2,
  nop: 3,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
};
