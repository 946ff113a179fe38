import type { MessageReader } from '../wire/message-reader.ts';
import type { MessageWriter } from '../wire/message-writer.ts';

/** One message to a family of generic netlink. */
export interface GenericRequest {
  /** What it does in words, for errors: `ethtool features set`. */
  readonly operation: string;
  /** Number of the command within its family. */
  readonly command: number;
  /**
   * Writes the attributes.
   *
   * @throws RequestInvalidError when a value cannot be written
   */
  write(writer: MessageWriter): void;
  /** Takes a message that answers it. */
  onReply?(message: MessageReader): void;
}

/** Size of `struct genlmsghdr` (linux/genetlink.h): command, version, two bytes of nothing. */
export const genericHeaderSize = 4;
