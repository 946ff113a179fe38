import { align, controlTypes, messageFlags, messageHeaderSize } from './message-header.ts';
import type { MessageReader } from './message-reader.ts';
import { MalformedMessageError } from './malformed-message-error.ts';
import { AttributeReader } from './attribute-reader.ts';

/** `NLMSGERR_ATTR_MSG` (linux/netlink.h). */
const textAttribute = 1;

/** Outcome of a request: the content of a `NLMSG_ERROR` message. */
export interface Acknowledgement {
  /** 0 is success. */
  readonly errno: number;
  /** What the kernel says about it in words, if anything. */
  readonly text?: string;
}

/** Reads the current message, of type `NLMSG_ERROR` or `NLMSG_DONE`. */
export function readAcknowledgement(message: MessageReader): Acknowledgement {
  const { buffer, start, end } = message;
  // A dump may end without saying how.
  if (end - start < 4) return { errno: 0 };
  const errno = 0 - buffer.readInt32LE(start);
  if (errno < 0) throw new MalformedMessageError(`error number ${errno}`, start);
  if ((message.flags & messageFlags.ackAttributes) === 0) return { errno };
  const text = readText(new AttributeReader(buffer, attributesStart(message), end));
  return { errno, ...(text === undefined ? {} : { text }) };
}

function attributesStart({ type, flags, buffer, start, end }: MessageReader): number {
  if (type === controlTypes.done) return start + 4;
  // The request's header follows, and its content too unless it was capped.
  const header = start + 4;
  if (header + messageHeaderSize > end)
    throw new MalformedMessageError('acknowledgement without a request', start);
  const repeated = (flags & messageFlags.capped) === 0 ? buffer.readUInt32LE(header) : messageHeaderSize;
  return header + align(Math.min(repeated, end - header));
}

function readText(attributes: AttributeReader): string | undefined {
  while (attributes.next()) if (attributes.type === textAttribute) return attributes.string();
  return undefined;
}
