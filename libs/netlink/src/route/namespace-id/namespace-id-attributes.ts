/** Message types (`RTM_*NSID`, linux/rtnetlink.h). */
export const namespaceIdMessages = { new: 88, delete: 89, get: 90 } as const;

/** Size of `struct rtgenmsg`, padded as all headers are. */
export const namespaceIdHeaderSize = 4;

/** Attributes of a namespace's number (`NETNSA_*`, linux/net_namespace.h). */
export const namespaceIdAttributes = { id: 1, fd: 3 } as const;

/** `NETNSA_NSID_NOT_ASSIGNED`; asked for, it means "choose one". */
export const notAssigned = -1;
