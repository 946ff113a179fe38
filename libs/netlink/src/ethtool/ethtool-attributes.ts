/** Commands to the kernel (`ETHTOOL_MSG_*`, linux/ethtool_netlink.h). */
export const ethtoolCommands = {
  featuresGet: 11,
  featuresSet: 12,
  privateFlagsGet: 13,
  privateFlagsSet: 14,
} as const;

/** The first attribute of every message is the header (`ETHTOOL_A_*_HEADER`), which names the link. */
export const headerAttribute = 1;
/** Members of the header (`ETHTOOL_A_HEADER_*`). */
export const headerAttributes = { linkIndex: 1, flags: 3 } as const;

/** Sets of features (`ETHTOOL_A_FEATURES_*`). */
export const featureAttributes = { changeable: 2, wanted: 3, active: 4, fixed: 5 } as const;

/** The set of private flags (`ETHTOOL_A_PRIVFLAGS_FLAGS`). */
export const privateFlagsAttribute = 2;

/** A set of named bits (`ETHTOOL_A_BITSET_*`). */
export const bitsetAttributes = { withoutMask: 1, bits: 3 } as const;
/** The list of its bits (`ETHTOOL_A_BITSET_BITS_BIT`). */
export const bitAttribute = 1;
/** One bit (`ETHTOOL_A_BITSET_BIT_*`). */
export const bitAttributes = { name: 2, value: 3 } as const;
