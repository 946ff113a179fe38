/** Message types (`RTM_*`, linux/rtnetlink.h). */
export const neighbourMessages = { new: 28, delete: 29, get: 30 } as const;

/** Size of `struct ndmsg`. */
export const neighbourHeaderSize = 12;

/** Attributes of a neighbour (`NDA_*`, linux/neighbour.h). */
export const neighbourAttributes = { destination: 1, linkAddress: 2, linkIndex: 8, protocol: 12 } as const;
