import { MuxFrameTooLargeError, maximumMuxPayload, muxHeaderLength } from './mux-frame.ts';

/**
 * Takes a stream of mux frames apart. Each connection is a byte stream: its bytes are passed on as they arrive, frame borders mean
 * nothing, and nothing but an incomplete header is ever held back.
 */
export class MuxDecoder {
  readonly #onBytes: (connectionId: number, bytes: Buffer) => void;
  readonly #header = Buffer.alloc(muxHeaderLength);
  #headerFilled = 0;
  #connectionId = 0;
  #remaining = 0;

  /** @param onBytes gets views of the chunks given to `push`. */
  constructor(onBytes: (connectionId: number, bytes: Buffer) => void) {
    this.#onBytes = onBytes;
  }

  /**
   * The next bytes of the stream, cut anywhere.
   *
   * @throws {@link MuxFrameTooLargeError}; the stream cannot be continued then.
   */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#remaining === 0) {
        const taken = chunk.copy(
          this.#header,
          this.#headerFilled,
          offset,
          offset + muxHeaderLength - this.#headerFilled,
        );
        offset += taken;
        this.#headerFilled += taken;
        if (this.#headerFilled < muxHeaderLength) return;
        this.#headerFilled = 0;
        this.#connectionId = this.#header.readUInt32BE(0);
        this.#remaining = this.#header.readUInt32BE(4);
        if (this.#remaining > maximumMuxPayload) {
          throw new MuxFrameTooLargeError(this.#connectionId, this.#remaining);
        }
        continue;
      }
      const end = Math.min(chunk.length, offset + this.#remaining);
      this.#remaining -= end - offset;
      this.#onBytes(this.#connectionId, chunk.subarray(offset, end));
      offset = end;
    }
  }
}
