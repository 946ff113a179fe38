import type { TtrpcMessage } from './ttrpc-frame.ts';
import { maximumTtrpcData, ttrpcHeaderLength } from './ttrpc-frame.ts';

/** What becomes of the messages of a byte stream. */
export interface TtrpcReceiver {
  /** `data` may be a view of a chunk given to `push`. */
  onMessage(message: TtrpcMessage): void;
  /** A message over 4 MiB. Its bytes are dropped as they arrive; what follows it is decoded again. */
  onOversized(streamId: number, type: number, length: number): void;
}

/** Takes a byte stream of ttrpc messages apart. Holds back at most one incomplete message. */
export class TtrpcDecoder {
  readonly #receiver: TtrpcReceiver;
  readonly #header = Buffer.alloc(ttrpcHeaderLength);
  #headerFilled = 0;
  #data: Buffer | undefined;
  #dataFilled = 0;
  #toDrop = 0;

  constructor(receiver: TtrpcReceiver) {
    this.#receiver = receiver;
  }

  /** The next bytes of the stream, cut anywhere. */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#toDrop > 0) {
        const dropped = Math.min(this.#toDrop, chunk.length - offset);
        this.#toDrop -= dropped;
        offset += dropped;
      } else if (this.#data !== undefined) {
        const taken = chunk.copy(this.#data, this.#dataFilled, offset);
        this.#dataFilled += taken;
        offset += taken;
        if (this.#dataFilled === this.#data.length) this.#finish(this.#data);
      } else {
        const taken = chunk.copy(
          this.#header,
          this.#headerFilled,
          offset,
          offset + ttrpcHeaderLength - this.#headerFilled,
        );
        this.#headerFilled += taken;
        offset += taken;
        if (this.#headerFilled < ttrpcHeaderLength) return;
        offset = this.#begin(chunk, offset);
      }
    }
  }

  /** The header is complete. Returns where the next message or the rest of this one begins. */
  #begin(chunk: Buffer, offset: number): number {
    this.#headerFilled = 0;
    const length = this.#header.readUInt32BE(0);
    if (length > maximumTtrpcData) {
      this.#toDrop = length;
      this.#receiver.onOversized(this.#header.readUInt32BE(4), this.#header.readUInt8(8), length);
    } else if (offset + length <= chunk.length) {
      this.#finish(chunk.subarray(offset, offset + length));
      return offset + length;
    } else {
      this.#data = Buffer.allocUnsafe(length);
      this.#dataFilled = 0;
    }
    return offset;
  }

  #finish(data: Buffer): void {
    this.#data = undefined;
    this.#receiver.onMessage({
      streamId: this.#header.readUInt32BE(4),
      type: this.#header.readUInt8(8),
      flags: this.#header.readUInt8(9),
      data,
    });
  }
}
