import { TtrpcDecoder } from './ttrpc-decoder.ts';
import { decodeResponse, encodeRequest } from './ttrpc-envelope.ts';
import type { TtrpcRequest } from './ttrpc-envelope.ts';
import { statusCodes, TtrpcError } from './ttrpc-error.ts';
import { encodeTtrpcMessage, maximumTtrpcData, messageTypes } from './ttrpc-frame.ts';

interface PendingCall {
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** The calling end of a ttrpc connection: unary calls, any number at once. */
export class TtrpcClient {
  readonly #send: (message: Uint8Array) => void;
  readonly #decoder: TtrpcDecoder;
  readonly #pending = new Map<number, PendingCall>();
  #nextStreamId = 1;
  #closedBy: Error | undefined;

  /** @param send takes one message per call. */
  constructor(send: (message: Uint8Array) => void) {
    this.#send = send;
    this.#decoder = new TtrpcDecoder({
      onMessage: ({ streamId, type, data }) => {
        if (type !== messageTypes.response) return;
        this.#settle(streamId, ({ resolve }) => resolve(decodeResponse(data)));
      },
      onOversized: (streamId, _type, length) => {
        const text = `the reply has ${length} bytes, allowed are ${maximumTtrpcData}`;
        this.#settle(streamId, ({ reject }) => reject(new TtrpcError(statusCodes.resourceExhausted, text)));
      },
    });
  }

  /** The next bytes from the server, cut anywhere. */
  receive(bytes: Buffer): void {
    this.#decoder.push(bytes);
  }

  /**
   * The encoded reply message.
   *
   * @throws {@link TtrpcError} when the server says so, DEADLINE_EXCEEDED after `timeoutMs`, RESOURCE_EXHAUSTED over 4 MiB; what
   *   `close` was called with when the connection ends before the reply.
   */
  call(request: TtrpcRequest, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#closedBy !== undefined) return reject(this.#closedBy);
      const data = encodeRequest(request, timeoutMs);
      if (data.length > maximumTtrpcData) {
        const text = `the request has ${data.length} bytes, allowed are ${maximumTtrpcData}`;
        return reject(new TtrpcError(statusCodes.resourceExhausted, text));
      }
      const streamId = this.#nextStreamId;
      this.#nextStreamId += 2;
      const timer = setTimeout(() => {
        const text = `no answer to ${request.method} within ${timeoutMs} ms`;
        this.#settle(streamId, (call) => call.reject(new TtrpcError(statusCodes.deadlineExceeded, text)));
      }, timeoutMs);
      this.#pending.set(streamId, { resolve, reject, timer });
      this.#send(encodeTtrpcMessage(streamId, messageTypes.request, data));
    });
  }

  /** Fails all calls, and every further one, with `error`. */
  close(error: Error): void {
    this.#closedBy ??= error;
    for (const streamId of [...this.#pending.keys()]) this.#settle(streamId, ({ reject }) => reject(error));
  }

  #settle(streamId: number, settle: (call: PendingCall) => void): void {
    const call = this.#pending.get(streamId);
    if (call === undefined) return;
    this.#pending.delete(streamId);
    clearTimeout(call.timer);
    try {
      settle(call);
    } catch (error) {
      call.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
