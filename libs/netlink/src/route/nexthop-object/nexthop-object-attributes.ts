/** Message types (`RTM_*`, linux/rtnetlink.h). */
export const nexthopMessages = { new: 104, delete: 105, get: 106 } as const;

/** Size of `struct nhmsg` and of `struct nexthop_grp`. */
export const nexthopObjectHeaderSize = 8;
export const groupMemberSize = 8;

/** Attributes of a next-hop object (`NHA_*`, linux/nexthop.h). */
export const nexthopAttributes = {
  id: 1,
  group: 2,
  groupType: 3,
  blackhole: 4,
  link: 5,
  gateway: 6,
  encapType: 7,
  encap: 8,
  resilientGroup: 12,
} as const;

/** `NEXTHOP_GRP_TYPE_RES`. */
export const resilientGroupType = 1;

/** Settings of a resilient group (`NHA_RES_GROUP_*`). */
export const resilientAttributes = { buckets: 1, idleTimer: 2, unbalancedTimer: 3 } as const;
