/** Length and stream id, unsigned 32-bit big-endian each, then type and flags. Fact: containerd/ttrpc, channel.go. */
export const ttrpcHeaderLength = 10;
/** Bytes after the header. */
export const maximumTtrpcData = 4 * 1024 * 1024;

/** What a ttrpc message is. Type 3 is the data of streams, which NRI does not use. */
export const messageTypes = { request: 1, response: 2 } as const;

/** A ttrpc message without its length. */
export interface TtrpcMessage {
  readonly streamId: number;
  readonly type: number;
  /** 0 for unary calls; 2 says that the caller wants to stream. */
  readonly flags: number;
  readonly data: Uint8Array;
}

/** One ttrpc message as bytes. The caller keeps to {@link maximumTtrpcData}. */
export function encodeTtrpcMessage(streamId: number, type: number, data: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(ttrpcHeaderLength + data.length);
  message.writeUInt32BE(data.length, 0);
  message.writeUInt32BE(streamId, 4);
  message[8] = type;
  message[9] = 0;
  message.set(data, ttrpcHeaderLength);
  return message;
}
