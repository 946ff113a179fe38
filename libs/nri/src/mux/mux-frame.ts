/** Connection on which the plugin serves and the runtime calls. Fact: containerd/nri, pkg/net/multiplex. */
export const pluginServiceConnection = 1;
/** Connection on which the runtime serves and the plugin calls. */
export const runtimeServiceConnection = 2;

/** Connection id and payload length, each an unsigned 32-bit big-endian integer. */
export const muxHeaderLength = 8;
/** A ttrpc message of 4 MiB with its header. */
export const maximumMuxPayload = 4 * 1024 * 1024 + 10;
/**
 * The Go side reads the beginning of a message through a buffer of this many bytes, and fails on a frame that does not fit into it.
 * The rest is read straight into a buffer of the rest's size, so that it may come in one frame of any size.
 */
export const maximumFirstPayload = 4096;

/** A frame announced more bytes than the protocol allows: the peer does not speak the mux protocol, or the stream is out of step. */
export class MuxFrameTooLargeError extends Error {
  override readonly name = 'MuxFrameTooLargeError';
  readonly connectionId: number;
  /** Bytes. */
  readonly length: number;

  constructor(connectionId: number, length: number) {
    super(
      `mux frame of ${length} bytes on connection ${connectionId}, allowed are ${maximumMuxPayload}: ` +
        'the peer does not speak NRI; check that the socket is the runtime’s NRI socket',
    );
    this.connectionId = connectionId;
    this.length = length;
  }
}

/**
 * Packs one message of a multiplexed connection into frames: the first has at most 4,096 bytes of it, the second all the rest.
 *
 * @throws {@link MuxFrameTooLargeError} for a message over 4 MiB + 10 bytes.
 */
export function muxFrames(connectionId: number, message: Uint8Array): Buffer {
  const { length } = message;
  if (length > maximumMuxPayload) throw new MuxFrameTooLargeError(connectionId, length);
  if (length <= maximumFirstPayload) {
    const frame = Buffer.allocUnsafe(muxHeaderLength + length);
    writeHeader(frame, 0, connectionId, length);
    frame.set(message, muxHeaderLength);
    return frame;
  }
  const frames = Buffer.allocUnsafe(2 * muxHeaderLength + length);
  writeHeader(frames, 0, connectionId, maximumFirstPayload);
  frames.set(message.subarray(0, maximumFirstPayload), muxHeaderLength);
  const second = muxHeaderLength + maximumFirstPayload;
  writeHeader(frames, second, connectionId, length - maximumFirstPayload);
  frames.set(message.subarray(maximumFirstPayload), second + muxHeaderLength);
  return frames;
}

function writeHeader(frame: Buffer, offset: number, connectionId: number, length: number): void {
  frame.writeUInt32BE(connectionId, offset);
  frame.writeUInt32BE(length, offset + 4);
}
