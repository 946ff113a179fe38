/** Size of `struct nlmsghdr` (linux/netlink.h): length, type, flags, sequence number, port. */
export const messageHeaderSize = 16;

/** Message types of the netlink layer itself (`NLMSG_*`). */
export const controlTypes = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

/** Flags of a message (`NLM_F_*`); some bits mean different things in requests for objects, for changes and in replies. */
export const messageFlags = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  echo: 0x8,
  dumpInterrupted: 0x10,
  /** On a request for objects: all of them. */
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  /** On an acknowledgement: the request is not repeated in it. */
  capped: 0x100,
  /** On an acknowledgement: attributes follow. */
  ackAttributes: 0x200,
} as const;

/** Rounds a length up to the four bytes that messages and attributes are aligned to. */
export function align(length: number): number {
  return (length + 3) & ~3;
}
